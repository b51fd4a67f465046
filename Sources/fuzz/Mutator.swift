/// Damages inputs as disks, networks and enemies do, by a seed.
struct Mutator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private mutating func below(_ count: Int) -> Int { count > 0 ? Int(next() % UInt64(count)) : 0 }

    private static let numbers: [UInt64] = [
        0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 127, 128, 255, 256, 1023, 4096, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFF_FFFF,
        0x8000_0000,
        0xFFFF_FFFE, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
    ]

    /// One of the seeds with one to six changes.
    mutating func input(from seeds: [[UInt8]]) -> [UInt8] {
        var bytes = seeds[below(seeds.count)]
        repeat {
            change(&bytes, others: seeds)
        } while below(3) > 0 && bytes.count < 1 << 20
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], others: [[UInt8]]) {
        guard !bytes.isEmpty else {
            bytes.append(UInt8(truncatingIfNeeded: next()))
            return
        }
        let place = below(bytes.count), length = 1 + below(min(bytes.count - place, 1 << below(10)))
        let range = place..<min(place + length, bytes.count)
        switch below(12) {
        case 0, 1: bytes[place] ^= 1 << UInt8(below(8))
        case 2, 3: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 4, 5: overwrite(&bytes, at: place)
        case 6: bytes.removeSubrange(range)
        case 7: bytes.insert(contentsOf: bytes[range], at: below(bytes.count))
        case 8: bytes.insert(contentsOf: (0..<length).map { _ in UInt8(truncatingIfNeeded: next()) }, at: place)
        case 9: bytes.removeLast(bytes.count - place)
        case 10:
            let other = others[below(others.count)], start = below(other.count)
            bytes.replaceSubrange(range, with: other[start..<min(start + length, other.count)])
        default:
            // A digit of a number in text.
            guard let digit = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) else { return }
            bytes[digit] = UInt8(0x30 + below(10))
        }
    }

    /// A number of 1, 2, 4 or 8 bytes that programs stumble over, in either byte order.
    private mutating func overwrite(_ bytes: inout [UInt8], at place: Int) {
        let size = 1 << below(4)
        var number = Self.numbers[below(Self.numbers.count)]
        if below(4) == 0 { number = UInt64(bytes.count) &+ UInt64(below(17)) &- 8 }
        let isLittle = below(3) > 0
        for index in 0..<min(size, bytes.count - place) {
            bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(isLittle ? index : size - 1 - index)))
        }
    }
}
