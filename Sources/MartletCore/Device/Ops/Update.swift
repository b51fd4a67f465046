/// Optimizer steps.
public protocol UpdateOps: AnyObject {
    /// Evaluates one expression over many tensors of different sizes in as few launches as possible.
    ///
    /// - Parameters:
    ///   - expression: its inputs are first the shared ones, then those of a tensor; result j replaces tensor input j (the
    ///     parameter and the optimizer's state come first, the gradient after them).
    ///   - shared: views of one element, the same for all tensors (a clipping factor, the flag that stops updates).
    ///   - tensors: for each parameter its contiguous float32 views, all of the same count.
    func update(_ expression: Expression, scalars: [Float], shared: [View], tensors: [[View]])

    /// The Euclidean norm of all elements of many tensors together, in as few launches as possible.
    ///
    /// - Parameters:
    ///   - tensors: contiguous and float32; at least one, none of them empty.
    ///   - result: of one element.
    func norm(of tensors: [View], into result: View)
}
