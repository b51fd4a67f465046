import MartletCore

extension AttentionCases {
    /// Nothing leaks: other keys and values behind a query leave its result the same to the bit.
    static let hidden = ConformanceCase(.attention, procedure: "hidden keys change no bits") { device, random in
        for (t, d) in [(5, 4), (37, 16), (150, 9), (300, 32)] {
            let shape = Shape(1, 2, 2, t, t, d)
            let operands = try shape.operands(&random).map { try $0.tensor(on: device) }
            let first = try scaledDotProductAttention(operands[0], operands[1], operands[2], options: .causal).bits()
            let changed = random.int(1...t - 1), rest = [1, 2, t - changed, d]
            var others = operands
            for index in 0..<3 {
                others[index].replace(axis: 2, at: changed, with: try random.floats(rest).tensor(on: device))
            }
            let second = try scaledDotProductAttention(others[0], others[1], others[2], options: .causal).bits()
            for head in 0..<2 {
                let rows = head * t * d..<(head * t + changed) * d
                try expect(
                    first[rows] == second[rows], "\(t) positions of \(d): a change from \(changed) on reaches those before")
            }
            try expect(first != second, "\(t) positions of \(d): a change from \(changed) on changes nothing")
        }
    }

    /// A query's bits are the same alone as among others, and with fewer keys behind it.
    static let counted = ConformanceCase(.attention, procedure: "the number of queries changes no bits") { device, random in
        for (t, d) in [(7, 5), (140, 16), (260, 64)] {
            let shape = Shape(1, 1, 1, t, t, d)
            let x = try shape.operands(&random).map { try $0.tensor(on: device) }
            let all = try scaledDotProductAttention(x[0], x[1], x[2], options: .causal).bits()
            for position in Set([0, t / 2, t - 1]) {
                let one = scaledDotProductAttention(
                    x[0].sliced(axis: 2, position..<position + 1), x[1].sliced(axis: 2, 0..<position + 1),
                    x[2].sliced(axis: 2, 0..<position + 1), options: AttentionOptions(causalOffset: position))
                try expect(
                    try one.bits() == Array(all[position * d..<(position + 1) * d]),
                    "query \(position) of \(t) of width \(d) has other bits alone")
            }
        }
    }

    /// Memory grows with the length, not with its square: twice the length takes at most twice the bytes (and 64 KiB).
    static let memory = ConformanceCase(.attention, procedure: "memory grows linearly") { device, random in
        func peak(_ t: Int) throws -> Int {
            let x = (0..<3).map {
                Tensor.random(
                    .uniform(low: -1, high: 1), shape: [1, 2, t, 16], key: RandomKey(seed: 3, stream: UInt64($0)), on: device)
            }
            try device.synchronize()
            device.emptyPool()
            let before = device.statistics.bytesInUse
            let (_, gradients) = valueAndGradient(at: x) {
                scaledDotProductAttention($0[0], $0[1], $0[2], options: .causal).square.sum()
            }
            for gradient in gradients { gradient.evaluated() }
            try device.synchronize()
            // Blocks that are free again are still in the pool.
            let after = device.statistics
            return after.bytesInUse + after.bytesPooled - before
        }
        let short = try peak(256), long = try peak(512)
        try expect(long <= 2 * short + 65536, "\(short) bytes for 256 positions, \(long) for 512")
        // All scores alone would take 512 * 512 * 2 * 4 bytes.
        try expect(long < 512 * 512 * 2 * 4, "\(long) bytes for 512 positions")
    }
}
