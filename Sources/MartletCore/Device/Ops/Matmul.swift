/// What happens to each element of a product before it is stored, in the same pass.
///
/// `expression` has one result; its input 0 is the product's element and inputs 1... are those of `operands`, views
/// broadcast to the result's shape (a bias has stride 0 on the row axis; a residual has the result's own strides;
/// accumulation reads the result's own view). No scalars beyond `scalars`.
public struct Epilogue: Sendable {
    public var expression: Expression
    public var scalars: [Float]
    public var operands: [View]

    public init(_ expression: Expression, scalars: [Float] = [], operands: [View] = []) {
        self.expression = expression
        self.scalars = scalars
        self.operands = operands
    }
}

/// Batched matrix products.
public protocol MatmulOps: AnyObject {
    /// c = epilogue(a * b), for every batch.
    ///
    /// - Parameters:
    ///   - a: float32 [batch, m, k]. Of its last two axes one has stride 1 (or extent 1); the other's stride is at least
    ///     the first's extent; the batch stride may be 0. So `b` below.
    ///   - b: float32 [batch, k, n].
    ///   - c: float32 [batch, m, n], contiguous. Where k is 0 the product is 0.
    ///   - epilogue: operands are views of shape [batch, m, n].
    func matmul(_ a: View, _ b: View, into c: View, epilogue: Epilogue?)
}
