import Glibc
import MartletCore

/// Philox 4x32-10 as its paper writes it (Salmon et al., 2011), and the distributions made from its words.
package enum RandomReference {
    /// Four words from a counter of four and a key of two.
    package static func philox(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let a = UInt64(c[0]) * 0xD251_1F53, b = UInt64(c[2]) * 0xCD9E_8D57
            c = [
                UInt32(b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b), UInt32(a >> 32) ^ c[3] ^ k[1],
                UInt32(truncatingIfNeeded: a),
            ]
            k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
        }
        return c
    }

    /// The words of a draw.
    static func words(_ key: RandomKey, count: Int) -> [UInt32] {
        func halves(_ x: UInt64) -> [UInt32] { [UInt32(truncatingIfNeeded: x), UInt32(x >> 32)] }
        let blocks = (0..<(count + 3) / 4).flatMap { philox(halves(UInt64($0)) + halves(key.stream), key: halves(key.seed)) }
        return Array(blocks.prefix(count))
    }

    private static func uniform(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }

    /// The elements of a draw, all but normals in float32 arithmetic, whose every bit counts.
    static func draw(_ distribution: Distribution, _ key: RandomKey, count: Int) -> [Double] {
        let words = words(key, count: (count + 3) / 4 * 4)
        let all: [Double]
        switch distribution {
        case .bits: all = words.map { Double(Int32(bitPattern: $0)) }
        case .uniform(let low, let high):
            all = words.map { word in
                let scaled = uniform(word) * (high - low)
                return Double(low + scaled)
            }
        case .bernoulli(let probability, let scale): all = words.map { uniform($0) < probability ? Double(scale) : 0 }
        case .normal(let mean, let deviation):
            all = stride(from: 0, to: words.count, by: 2).flatMap { index -> [Double] in
                let u = (Double(words[index] >> 8) + 1) * 0x1p-24, v = Double(words[index + 1] >> 8) * 0x1p-24
                let radius = (-2 * log(u)).squareRoot()
                return [cos(2 * .pi * v), sin(2 * .pi * v)].map { Double(mean) + Double(deviation) * radius * $0 }
            }
        }
        return Array(all.prefix(count))
    }
}
