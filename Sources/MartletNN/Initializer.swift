import Glibc
import MartletCore

/// How a parameter begins. The fan-in of a weight [out, in, ...] is in * positions, its fan-out out * positions.
public struct Initializer: Sendable {
    /// Makes the tensor from its shape, fan-in and fan-out.
    let make: @Sendable (_ shape: [Int], _ fanIn: Int, _ fanOut: Int) -> Tensor

    /// A tensor of this shape, on the default device, with numbers from the current `Randomness`.
    public func callAsFunction(_ shape: [Int]) -> Tensor {
        let positions = shape.dropFirst(2).reduce(1, *)
        let fanIn = shape.count < 2 ? shape.first ?? 1 : shape[1] * positions
        let fanOut = shape.count < 2 ? shape.first ?? 1 : shape[0] * positions
        return make(shape, max(fanIn, 1), max(fanOut, 1))
    }

    public static func constant(_ value: Float) -> Initializer {
        Initializer { shape, _, _ in Tensor([Float](repeating: value, count: shape.reduce(1, *)), shape: shape) }
    }

    public static let zeros = constant(0)
    public static let ones = constant(1)

    public static func uniform(_ low: Float, _ high: Float) -> Initializer {
        Initializer { shape, _, _ in draw(.uniform(low: low, high: high), shape) }
    }

    public static func normal(mean: Float = 0, deviation: Float) -> Initializer {
        Initializer { shape, _, _ in draw(.normal(mean: mean, deviation: deviation), shape) }
    }

    /// Normal, drawn again until all lie within `bound` deviations of the mean.
    public static func truncatedNormal(mean: Float = 0, deviation: Float, bound: Float = 2) -> Initializer {
        Initializer { shape, _, _ in truncated(shape, mean: mean, deviation: deviation, bound: bound) }
    }

    /// Glorot and Bengio, 2010: the variance 2 / (fan-in + fan-out), uniform or normal.
    public static func glorot(uniform: Bool = true, gain: Float = 1) -> Initializer {
        scaled(uniform) { fanIn, fanOut in gain * (2 / Float(fanIn + fanOut)).squareRoot() }
    }

    /// Which of a weight's two fans its variance is divided by.
    public enum Fan: Sendable { case input, output }

    /// He et al., 2015, for ReLU (or leaky ReLU of this slope): the variance 2 / (1 + slope^2) / fan.
    public static func he(uniform: Bool = false, slope: Float = 0, fan: Fan = .input) -> Initializer {
        scaled(uniform) { fanIn, fanOut in (2 / (1 + slope * slope) / Float(fan == .input ? fanIn : fanOut)).squareRoot() }
    }

    /// LeCun et al., 1998: the variance 1 / fan-in.
    public static func leCun(uniform: Bool = false) -> Initializer {
        scaled(uniform) { fanIn, _ in (1 / Float(fanIn)).squareRoot() }
    }

    /// PyTorch's default for linear layers and convolutions: uniform within 1 / sqrt(fan-in).
    public static let torch = he(uniform: true, slope: 5.0.squareRoot().asFloat)

    /// PyTorch's default for biases: uniform within 1 / sqrt(fan-in) of the weight they belong to.
    static func torchBias(fanIn: Int) -> Initializer {
        let bound = 1 / Float(max(fanIn, 1)).squareRoot()
        return uniform(-bound, bound)
    }

    /// A matrix [shape[0], the rest] with orthonormal rows (or columns, whichever are fewer), times `gain`. Saxe et al., 2013.
    public static func orthogonal(gain: Float = 1) -> Initializer {
        Initializer { shape, _, _ in orthogonalMatrix(shape, gain: gain) }
    }

    private static func scaled(_ uniform: Bool, _ deviation: @escaping @Sendable (Int, Int) -> Float) -> Initializer {
        Initializer { shape, fanIn, fanOut in
            let spread = deviation(fanIn, fanOut)
            let bound = spread * Float(3).squareRoot()
            return draw(uniform ? .uniform(low: -bound, high: bound) : .normal(mean: 0, deviation: spread), shape)
        }
    }

    private static func draw(_ distribution: Distribution, _ shape: [Int]) -> Tensor {
        Tensor.random(distribution, shape: shape, key: Randomness.nextKey())
    }

    private static func truncated(_ shape: [Int], mean: Float, deviation: Float, bound: Float) -> Tensor {
        var generator = HostRandom(Randomness.nextKey())
        let values = (0..<shape.reduce(1, *)).map { _ -> Float in
            while true {
                let value = generator.normal()
                if abs(value) <= Double(bound) { return mean + deviation * Float(value) }
            }
        }
        return Tensor(values, shape: shape)
    }

    private static func orthogonalMatrix(_ shape: [Int], gain: Float) -> Tensor {
        let rows = shape.first ?? 1, columns = shape.dropFirst().reduce(1, *)
        let count = min(rows, columns), length = max(rows, columns)
        var generator = HostRandom(Randomness.nextKey())
        var basis: [[Double]] = []
        while basis.count < count {
            var vector = (0..<length).map { _ in generator.normal() }
            for _ in 0..<2 {
                for other in basis {
                    let projection = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for index in vector.indices { vector[index] -= projection * other[index] }
                }
            }
            let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 1e-6 { basis.append(vector.map { $0 / norm }) }
        }
        var values = [Float](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                values[row * columns + column] = gain * Float(rows <= columns ? basis[row][column] : basis[column][row])
            }
        }
        return Tensor(values, shape: shape)
    }
}

extension Double {
    fileprivate var asFloat: Float { Float(self) }
}

/// Random numbers on the host, for what needs loops; SplitMix64 from a key.
struct HostRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ key: RandomKey) { state = key.seed &* 0x9E37_79B9_7F4A_7C15 &+ key.stream }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func normal() -> Double {
        let u = Double((next() >> 11) + 1) * 0x1p-53, v = Double(next() >> 11) * 0x1p-53
        return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
    }
}
