/// A source of test inputs: SplitMix64, so that a seed printed with a failure repeats it anywhere.
public struct CaseRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A seed for a named case and draw.
    static func seed(_ base: UInt64, _ name: String, _ draw: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ base
        for byte in "\(name)#\(draw)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func bool() -> Bool { next() & 1 == 1 }
    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[int(0...choices.count - 1)] }

    /// Extents of 1 to `most`, one in four of them 1.
    mutating func shape(rank: Int, most: Int) -> [Int] { (0..<rank).map { _ in int(0...3) == 0 ? 1 : int(1...most) } }

    /// Uniform numbers.
    mutating func floats(_ shape: [Int], _ low: Float = -2, _ high: Float = 2) -> Operand {
        Operand((0..<shape.reduce(1, *)).map { _ in Float.random(in: low...high, using: &self) }, shape)
    }

    /// Uniform numbers that keep a distance from zero: where a function has its kink there.
    mutating func awayFromZero(_ shape: [Int], _ low: Float = 0.1, _ high: Float = 2) -> Operand {
        Operand((0..<shape.reduce(1, *)).map { _ in Float.random(in: low...high, using: &self) * (bool() ? 1 : -1) }, shape)
    }

    /// Different numbers in random order, far enough apart that a small step never changes which is largest.
    mutating func distinct(_ shape: [Int]) -> Operand {
        let count = shape.reduce(1, *)
        let step = 4 / Float(max(count, 16))
        return Operand((0..<count).map { Float($0) * step - 2 }.shuffled(using: &self), shape)
    }

    /// Numbers among which NaN, infinities, zeros of both signs and very large and small ones stand.
    mutating func specials(_ shape: [Int], oneIn share: Int = 6) -> Operand {
        var operand = floats(shape)
        let special: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, 1e-30, -1e-30, 1e30, -1e30, 0.5, 2.5, -3.5]
        operand.mapFloats { value in int(0...share - 1) == 0 ? pick(special) : value }
        return operand
    }

    mutating func integers(_ shape: [Int], _ range: ClosedRange<Int>) -> Operand {
        Operand((0..<shape.reduce(1, *)).map { _ in Int32(int(range)) }, shape)
    }
}
