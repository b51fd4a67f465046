import MartletCore

enum MemoryCases {
    static let all = [
        transfers, parts, reused, copies, views, viewGradients, hostTensors, exhausted, faults, accounting, steadyState, pooling,
        smallSteps,
    ]

    private static let transfers = ConformanceCase(.memory, procedure: "upload and download") { device, random in
        for count in [0, 1, 3, 64, 1000, 65_537, 3_000_001] {
            let words = (0..<count).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) ^ UInt32(random.int(0...9)) }
            let buffer = device.allocate(byteCount: count * 4)
            words.withUnsafeBytes { device.upload($0, to: buffer) }
            var back = [UInt32](repeating: 1, count: count)
            try back.withUnsafeMutableBytes { try device.download(buffer, byteOffset: 0, into: $0) }
            try expect(back == words, "\(count) words came back changed")
            try expect(buffer.byteCount == count * 4, "a buffer of \(count * 4) bytes says \(buffer.byteCount)")
        }
    }

    private static let parts = ConformanceCase(.memory, procedure: "parts of a buffer") { device, _ in
        let words = (0..<1000).map { UInt32($0) }
        let buffer = device.allocate(byteCount: 4000)
        words.withUnsafeBytes { device.upload($0, to: buffer) }
        // A shorter upload leaves the rest.
        [UInt32](repeating: 7, count: 10).withUnsafeBytes { device.upload($0, to: buffer) }
        for range in [0..<12, 5..<1000, 999..<1000, 500..<500] {
            var back = [UInt32](repeating: 1, count: range.count)
            try back.withUnsafeMutableBytes { try device.download(buffer, byteOffset: range.lowerBound * 4, into: $0) }
            try expect(back == range.map { $0 < 10 ? 7 : UInt32($0) }, "words \(range) came back changed")
        }
    }

    /// The host may change its bytes as soon as `upload` is back, and a freed block's next owner must not disturb queued work.
    private static let reused = ConformanceCase(.memory, procedure: "host memory and blocks used again at once") { device, _ in
        var host = [Float](repeating: 0, count: 50_000)
        var results: [Tensor] = []
        for round in 0..<20 {
            for index in host.indices { host[index] = Float(round) }
            let buffer = device.allocate(byteCount: host.count * 4)
            host.withUnsafeBytes { device.upload($0, to: buffer) }
            let x = Tensor(Storage(buffer, on: device, type: .float32, count: host.count), shape: [host.count])
            results.append((x * 2 + 1).evaluated())
        }
        for (round, result) in results.enumerated() {
            try expect(try result.floats().allSatisfy { $0 == Float(round) * 2 + 1 }, "round \(round) computed with other bytes")
        }
    }

    /// Devices may hold small work back; it keeps its place among uploads, downloads, large work and blocks that are used again.
    private static let smallSteps = ConformanceCase(.memory, procedure: "small steps among others") { device, random in
        let large = try random.floats([300_000]).tensor(on: device)
        let buffer = device.allocate(byteCount: 12)
        var held: Float = 0
        func upload(_ value: Float) {
            held = value
            [value, value, value].withUnsafeBytes { device.upload($0, to: buffer) }
        }
        let x = Tensor(Storage(buffer, on: device, type: .float32, count: 3), shape: [3])
        for count in [1, 2, 7, 8, 9, 40] {
            upload(1)
            var sum = x.evaluated(), expected: Float = 1
            var sums: [(tensor: Tensor, value: Float)] = []
            for step in 0..<count {
                if step % 3 == 1 { upload(Float(step)) }
                if step % 5 == 4 { _ = (large * 2).evaluated() }
                sum = (sum + x).evaluated()
                expected += held
                sums.append((sum, expected))
            }
            for (index, (tensor, value)) in sums.enumerated() {
                try expect(try tensor.floats() == [value, value, value], "step \(index) of \(count)")
            }
        }
    }

    private static let copies = ConformanceCase(.memory, "copies of strided tensors", draws: 12) { random, draw in
        let shape = random.shape(rank: 1 + draw % 5, most: 6)
        return Comparison([random.floats(shape), random.integers(shape, Int(Int32.min)...Int(Int32.max))], within: .exact) {
            inputs in
            inputs.map { $0.contiguous(on: $0.resolvedDevice()) }
        } reference: {
            $0
        }
    }

    private static let views = ConformanceCase(.memory, "views", draws: 4) { random, _ in
        Comparison([random.floats([2, 3, 4]), random.integers([2, 3, 4], -9_000_000_00...900_000_000)], within: .exact) {
            inputs in
            inputs.flatMap { x in
                [
                    x.reshaped([4, -1]), x.permuted([2, 0, 1]), x.permuted([1, 2, 0]).reshaped([12, 2]), x.transposed(),
                    x.transposed(0, 1),
                    x.expanded(axis: 1), x.expanded(axis: -1), x.sliced(axis: 1, 1..<2).squeezed(axis: 1), x.flattened(),
                    x.flattened(from: 0),
                    x.expanded(axis: 0).broadcast(to: [3, 2, 3, 4]), x.transposed().sliced(axis: 1, 0..<4, step: 3).flattened(),
                    x.sliced(axis: 0, 1..<1), x.permuted([2, 1, 0]).expanded(axis: 2).squeezed(axis: 2),
                ]
            }
        } reference: { inputs in
            inputs.flatMap { x in
                [
                    x.reshaped([4, 6]), x.permuted([2, 0, 1]), x.permuted([1, 2, 0]).reshaped([12, 2]), x.permuted([0, 2, 1]),
                    x.permuted([1, 0, 2]), x.reshaped([2, 1, 3, 4]), x.reshaped([2, 3, 4, 1]),
                    x.sliced(axis: 1, 1..<2).reshaped([2, 4]),
                    x.reshaped([2, 12]), x.reshaped([24]), x.broadcast(to: [3, 2, 3, 4]),
                    x.permuted([0, 2, 1]).sliced(axis: 1, 0..<4, step: 3).reshaped([2, 6]), x.sliced(axis: 0, 1..<1),
                    x.permuted([2, 1, 0]),
                ]
            }
        }
    }

    private static let viewGradients = ConformanceCase(.memory, "gradients of views", draws: 4) { random, _ in
        Comparison([random.floats([2, 3, 4])], within: .exact, gradients: .differences(of: [0], .balanced)) {
            let x = $0[0]
            return [
                x.permuted([2, 0, 1]).reshaped([6, 4]), x.expanded(axis: 0).broadcast(to: [3, 2, 3, 4]),
                x.sliced(axis: 2, 1..<4, step: 2),
                x.sliced(axis: 0, 0..<1).squeezed(axis: 0).transposed().flattened(from: 0),
            ]
        } reference: {
            let x = $0[0]
            return [
                x.permuted([2, 0, 1]).reshaped([6, 4]), x.broadcast(to: [3, 2, 3, 4]), x.sliced(axis: 2, 1..<4, step: 2),
                x.sliced(axis: 0, 0..<1).reshaped([3, 4]).permuted([1, 0]).reshaped([12]),
            ]
        }
    }

    private static let hostTensors = ConformanceCase(.memory, procedure: "tensors that begin on the host") { device, _ in
        let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        try expect(x.device == nil && Tensor.ones([3]).device == nil, "a host tensor has a device")
        try expect(try x.transposed().floats() == [1, 4, 2, 5, 3, 6], "a view of host values is wrong")
        try expect(try Tensor(repeating: 3, shape: [2, 2]).floats() == [3, 3, 3, 3], "a repeated number is wrong")
        let sum = x + Tensor(10)
        try expect(sum.device === device, "host operands did not go to the device in force")
        try expect(try sum.floats() == [11, 12, 13, 14, 15, 16], "host operands gave other numbers")
        try expect(try Tensor(repeating: 2, shape: [4, 1]).sum().item() == 8, "the sum of a repeated number is wrong")
        let moved = try x.on(device)
        try expect(moved.device === device, "a moved tensor is elsewhere")
        try expect(try moved.floats() == [1, 2, 3, 4, 5, 6], "a moved tensor is wrong")
    }

    private static let exhausted = ConformanceCase(.memory, procedure: "no memory is an error, not an end") { device, _ in
        let huge = device.allocate(byteCount: 1 << 50)
        var back = [UInt8](repeating: 0, count: 4)
        do {
            try back.withUnsafeMutableBytes { try device.download(huge, byteOffset: 0, into: $0) }
            throw CaseFailure("a petabyte was given")
        } catch let error as DeviceError {
            try expect(error.kind == .outOfMemory, "kind \(error.kind), not outOfMemory: \(error)")
            try expect(!error.message.contains("\n"), "the message has several lines: \(error.message)")
        }
        try expect(try (Tensor([1, 2] as [Float]) + 1).floats() == [2, 3], "the device does not go on")
    }

    /// What derives from a failed result is marked too, through every kind of op, and nothing else is.
    private static let faults = ConformanceCase(.memory, procedure: "a fault reaches what derives from it") { device, _ in
        let failed = Tensor(empty: [4, 4], on: device)
        failed.view(on: device).buffer.fault = DeviceError(.kernel, "made by a test")
        let good = try Tensor([Float](repeating: 1, count: 16), shape: [4, 4]).on(device)
        let derived = [
            failed + 1, failed.sum(), failed.max([0]), matmul(good, failed),
            linear(good, good, bias: failed.sliced(axis: 0, 0..<1).reshaped([4])),
            failed.softmax(), failed.transposed().reshaped([16]), failed.gathered(Tensor([Int32(0)])), failed.sorted().values,
            convolution(failed.reshaped([1, 1, 4, 4]), good.reshaped([1, 1, 4, 4])),
            failed.reshaped([1, 1, 4, 4]).maxPooled(.init(kernel: 2)),
            layerNorm(failed, scale: nil, shift: nil), concatenate([good, failed]), (good * 2 + failed).sum(),
        ]
        for (index, tensor) in derived.enumerated() {
            do {
                _ = try tensor.floats()
                throw CaseFailure("result \(index) of shape \(tensor.shape) lost the fault")
            } catch let error as DeviceError {
                try expect(error.message == "made by a test", "result \(index) tells another fault: \(error)")
            }
        }
        try expect(try matmul(good, good).floats().allSatisfy { $0 == 4 }, "other results are marked too")
    }

    private static let accounting = ConformanceCase(.memory, procedure: "bytes in use") { device, _ in
        try device.synchronize()
        let before = device.statistics
        var buffers = (0..<5).map { _ in device.allocate(byteCount: 1 << 20) }
        let during = withExtendedLifetime(buffers) { device.statistics }
        try expect(
            during.bytesInUse >= before.bytesInUse + 5 << 20, "\(during.bytesInUse - before.bytesInUse) bytes more for 5 MiB")
        buffers.removeAll()
        try device.synchronize()
        let after = device.statistics
        try expect(after.bytesInUse == before.bytesInUse, "\(after.bytesInUse - before.bytesInUse) bytes still in use")
        try expect(after.bytesPooled >= 5 << 20, "the pool kept \(after.bytesPooled) bytes")
        device.emptyPool()
        try expect(device.statistics.bytesPooled == 0, "\(device.statistics.bytesPooled) bytes left in the pool")
    }

    private static let steadyState = ConformanceCase(.memory, procedure: "steps after the first allocate nothing") {
        device, random in
        let x = try random.floats([32, 20]).tensor(on: device), labels = try random.integers([32], 0...9).tensor(on: device)
        var groups = [[try random.floats([10, 20]).tensor(on: device)], [try random.floats([10]).tensor(on: device)]]
        func step() throws {
            let result = valueAndGradient(at: groups.map { $0[0] }) {
                crossEntropyRows(linear(x, $0[0], bias: $0[1]), labels).mean()
            }
            var updates = zip(groups, result.gradients).map { [$0[0], $1] }
            groups = []
            Tensor.update(.input(0) - .scalar(0) * .input(1), scalars: [0.01], groups: &updates)
            groups = updates.map { [$0[0]] }
            _ = try result.value.item()
        }
        for _ in 0..<5 { try step() }
        let before = device.statistics
        for _ in 0..<50 { try step() }
        let after = device.statistics
        try expect(
            after.systemAllocations == before.systemAllocations,
            "\(after.systemAllocations - before.systemAllocations) blocks more after 50 steps")
        try expect(after.builds == before.builds, "\(after.builds - before.builds) kernels built after the first steps")
        try expect(
            after.bytesInUse <= before.bytesInUse, "\(after.bytesInUse - before.bytesInUse) bytes more in use after 50 steps")
    }

    private static let pooling = ConformanceCase(.memory, procedure: "blocks of many sizes") { device, random in
        var live: [(DeviceBuffer, UInt32)] = []
        for round in 0..<400 {
            let words = random.int(1...5000)
            let buffer = device.allocate(byteCount: words * 4), mark = UInt32(round)
            [UInt32](repeating: mark, count: words).withUnsafeBytes { device.upload($0, to: buffer) }
            live.append((buffer, mark))
            if live.count > 40 { live.remove(at: random.int(0...39)) }
        }
        for (buffer, mark) in live {
            var back = [UInt32](repeating: 0, count: buffer.byteCount / 4)
            try back.withUnsafeMutableBytes { try device.download(buffer, byteOffset: 0, into: $0) }
            try expect(back.allSatisfy { $0 == mark }, "two buffers in use share memory")
        }
    }
}
