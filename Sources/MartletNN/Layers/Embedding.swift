import MartletCore

/// A row of a table for each index: int32 [...] to [..., width]. The table is PyTorch's `weight` [count, width].
public final class Embedding: Layer {
    public let weight: Parameter
    /// The index that stands for no word: its row begins as zeros and gets no gradient.
    public let paddingIndex: Int?

    public init(_ count: Int, _ width: Int, paddingIndex: Int? = nil, initializer: Initializer = .normal(deviation: 1)) {
        precondition(count > 0 && width > 0, "Embedding: \(count) rows of \(width)")
        precondition(
            paddingIndex.map { (0..<count).contains($0) } ?? true, "Embedding: padding index \(paddingIndex ?? 0) of \(count)")
        var table = initializer([count, width])
        if let paddingIndex { table.replace(axis: 0, at: paddingIndex, with: Tensor.zeros([1, width])) }
        weight = Parameter(table)
        self.paddingIndex = paddingIndex
    }

    public var parts: Parts { ["weight": weight] }

    /// An index outside the table reads as NaN.
    public func callAsFunction(_ indices: Tensor) -> Tensor {
        weight.value.gathered(indices, fixed: paddingIndex.map { Int32($0) })
    }
}
