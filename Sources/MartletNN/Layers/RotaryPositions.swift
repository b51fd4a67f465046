import Glibc
import MartletCore

/// Rotary positions (Su et al., "RoFormer", 2021): pairs of a head's numbers are turned by an angle that grows with the position,
/// p * base^(-2i / width) for pair i, so that the product of a query and a key depends on their distance.
public final class RotaryPositions: Module {
    /// Which numbers make a pair.
    public enum Pairing: Sendable {
        /// i and i + width / 2: GPT-NeoX, and LLaMA as Hugging Face stores it.
        case halves
        /// 2i and 2i + 1: the paper, GPT-J, and LLaMA as first published.
        case neighbours
    }

    /// How many of a head's first numbers are turned; the others stay.
    public let width: Int
    public let base: Float
    public let pairing: Pairing
    private var tables: (cosine: Tensor, sine: Tensor)

    public init(_ width: Int, base: Float = 10_000, pairing: Pairing = .halves, length: Int = 512) {
        precondition(width > 0 && width % 2 == 0 && base > 0 && length > 0, "RotaryPositions: width \(width), base \(base)")
        self.width = width
        self.base = base
        self.pairing = pairing
        tables = Self.tables(width, base, length)
    }

    public var parts: Parts { [:] }

    /// x [b, h, t, d] turned by positions `offset`...
    public func callAsFunction(_ x: Tensor, offset: Int = 0) -> Tensor {
        precondition(x.rank == 4 && x.shape[3] >= width, "RotaryPositions of \(width) on \(x.shape)")
        let end = offset + x.shape[2], half = width / 2
        if end > tables.cosine.shape[0] { tables = Self.tables(width, base, max(end, 2 * tables.cosine.shape[0])) }
        let cosine = tables.cosine.sliced(axis: 0, offset..<end), sine = tables.sine.sliced(axis: 0, offset..<end)
        let rest = x.shape[3] > width ? [x.sliced(axis: 3, width..<x.shape[3])] : []
        switch pairing {
        case .halves:
            let a = x.sliced(axis: 3, 0..<half), b = x.sliced(axis: 3, half..<width)
            return concatenate([a * cosine - b * sine, b * cosine + a * sine] + rest, axis: 3)
        case .neighbours:
            let a = x.sliced(axis: 3, 0..<width, step: 2), b = x.sliced(axis: 3, 1..<width, step: 2)
            let turned = [a * cosine - b * sine, b * cosine + a * sine].map { $0.expanded(axis: 4) }
            let pairs = concatenate(turned, axis: 4).reshaped(Array(x.shape.dropLast()) + [width])
            return rest.isEmpty ? pairs : concatenate([pairs] + rest, axis: 3)
        }
    }

    private static func tables(_ width: Int, _ base: Float, _ length: Int) -> (cosine: Tensor, sine: Tensor) {
        var cosines: [Float] = [], sines: [Float] = []
        for position in 0..<length {
            for pair in 0..<width / 2 {
                let angle = Double(position) * pow(Double(base), -Double(2 * pair) / Double(width))
                cosines.append(Float(cos(angle)))
                sines.append(Float(sin(angle)))
            }
        }
        return (Tensor(cosines, shape: [length, width / 2]), Tensor(sines, shape: [length, width / 2]))
    }
}
