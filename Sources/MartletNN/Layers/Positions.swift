import Glibc
import MartletCore

/// Adds to x [b, t, width] what tells position p from others, sine and cosine of p / 10000^(2i / width) in columns 2i and 2i + 1.
/// Vaswani et al., 2017. Nothing is trained.
public final class SinusoidalPositions: Layer {
    public let width: Int
    private var table: Tensor

    /// - Parameter length: positions to compute beforehand; more are added when they are needed.
    public init(_ width: Int, length: Int = 512) {
        precondition(width > 0 && width % 2 == 0 && length > 0, "SinusoidalPositions: width \(width), length \(length)")
        self.width = width
        table = Self.table(width, length)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, offset: 0) }

    /// - Parameter offset: the position of the first of x.
    public func callAsFunction(_ x: Tensor, offset: Int) -> Tensor {
        precondition(x.rank >= 2 && x.shape[x.rank - 1] == width, "SinusoidalPositions of \(width) on \(x.shape)")
        let end = offset + x.shape[x.rank - 2]
        if end > table.shape[0] { table = Self.table(width, max(end, 2 * table.shape[0])) }
        return x + table.sliced(axis: 0, offset..<end)
    }

    /// The positions' vectors, [length, width].
    static func table(_ width: Int, _ length: Int) -> Tensor {
        var values = [Float](repeating: 0, count: length * width)
        for pair in 0..<width / 2 {
            let step = pow(10_000, -Double(2 * pair) / Double(width))
            for position in 0..<length {
                values[position * width + 2 * pair] = Float(sin(Double(position) * step))
                values[position * width + 2 * pair + 1] = Float(cos(Double(position) * step))
            }
        }
        return Tensor(values, shape: [length, width])
    }
}

/// Adds a trained vector for each position to x [b, t, width]. The table is `weight` [length, width], as of an embedding.
public final class LearnedPositions: Layer {
    public let weight: Parameter

    public init(_ width: Int, length: Int, initializer: Initializer = .normal(deviation: 0.02)) {
        precondition(width > 0 && length > 0, "LearnedPositions: \(length) of \(width)")
        weight = Parameter(initializer([length, width]))
    }

    public var parts: Parts { ["weight": weight] }

    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, offset: 0) }

    /// - Parameter offset: the position of the first of x.
    public func callAsFunction(_ x: Tensor, offset: Int) -> Tensor {
        let end = offset + (x.rank >= 2 ? x.shape[x.rank - 2] : 0)
        precondition(
            x.rank >= 2 && x.shape[x.rank - 1] == weight.shape[1] && end <= weight.shape[0],
            "LearnedPositions of \(weight.shape) on \(x.shape) from \(offset)")
        return x + weight.value.sliced(axis: 0, offset..<end)
    }
}
