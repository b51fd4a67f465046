/// Classes of matrix products that favour different kernels.
public enum MatmulClass: String, CaseIterable, Sendable {
    /// Many small products at once.
    case batched
    /// Few rows or few columns: the larger operand is read about once.
    case narrow
    /// Layers of small networks: the whole fits a cache.
    case small
    case large

    /// - Parameters: the product of `batches` times [m, k] and [k, n].
    public init(batches: Int, m: Int, n: Int, k: Int) {
        if batches > 1 && m * n <= 1 << 16 {
            self = .batched
        } else if min(m, n) < 48 {
            self = .narrow
        } else if m * n <= 1 << 17 {
            self = .small
        } else {
            self = .large
        }
    }
}
