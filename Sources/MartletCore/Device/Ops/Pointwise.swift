/// Element-by-element work.
public protocol PointwiseOps: AnyObject {
    /// Evaluates an expression at every index.
    ///
    /// - Parameters:
    ///   - expression: reads `inputs.count` inputs and `scalars.count` scalars; has one result an output.
    ///   - inputs: views of the outputs' shape (broadcast axes have stride 0). Int32 elements are converted to float32.
    ///   - outputs: views of one common shape, not overlapping each other; strided ones are allowed. Results stored
    ///     as int32 are truncated toward zero. An output may be the same view as an input (in place), else they must
    ///     not overlap.
    func pointwise(_ expression: Expression, scalars: [Float], inputs: [View], outputs: [View])
}
