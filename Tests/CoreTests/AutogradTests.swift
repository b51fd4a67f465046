import MartletCPU
import MartletCore
import Testing

@Suite struct AutogradTests {
    private let device: CPUDevice

    init() throws { device = try CPUDevice(threads: 1) }

    private func tensor(_ values: [Float]) throws -> Tensor { try Tensor(values).on(device) }

    @Test func gradientsAddUpOverUses() throws {
        let (value, gradients) = valueAndGradient(at: [try tensor([2, 3])]) { (x: [Tensor]) in (x[0] * x[0] * x[0] + x[0]).sum() }
        #expect(try value.item() == 40 && gradients[0].floats() == [13, 28])
    }

    @Test func unusedInputsHaveZeros() throws {
        let (_, gradients) = valueAndGradient(at: [try tensor([1, 2]), try tensor([3])]) { $0[0].sum() }
        #expect(try gradients[1].floats() == [0])
    }

    @Test func anInputItselfHasOne() throws {
        #expect(try valueAndGradient(at: [try tensor([5])]) { $0[0] }.gradients[0].floats() == [1])
    }

    /// No device is in force here: what the backward pass makes goes where the result is.
    @Test func gradientsNeedNoDefaultDevice() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).on(device)
        let (_, gradients) = valueAndGradient(at: [x]) { $0[0].reshaped([4]).sum() }
        #expect(try gradients[0].floats() == [1, 1, 1, 1])
        #expect(gradients[0].device.map { $0 === device } ?? true)
        let picked = valueAndGradient(at: [x]) { $0[0].permuted([1, 0]).reshaped([4]).sliced(axis: 0, 1..<2).sum() }.gradients[0]
        #expect(try picked.floats() == [0, 0, 1, 0])
    }

    /// A weight kept the other way round, as GPT-2's are, has its gradient as it lies: nothing needs to be turned for the optimizer.
    @Test func gradientsOfTransposedWeightsLieInTheirOrder() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]).on(device)
        let weight = try Tensor([Float](repeating: 1, count: 6), shape: [3, 2]).on(device)
        let scale = try Tensor([1, 10] as [Float]).on(device)
        for product in [{ linear(x, $0.transposed()) }, { matmul(x, $0) }] as [(Tensor) -> Tensor] {
            let gradient = valueAndGradient(at: [weight]) { (product($0[0]) * scale).sum() }.gradients[0]
            #expect(try gradient.floats() == [5, 50, 7, 70, 9, 90])
            #expect(gradient.isDense)
        }
    }

    @Test func nothingIsRecordedWithoutGradients() throws {
        let (_, gradients) = valueAndGradient(at: [try tensor([2])]) { x in
            let constant = withoutGradients { x[0] * 10 }
            return (constant * x[0]).sum()
        }
        #expect(try gradients[0].floats() == [20])
    }

    @Test func detachedTensorsPassNothingOn() throws {
        let (_, gradients) = valueAndGradient(at: [try tensor([2])]) { ($0[0].detached * $0[0]).sum() }
        #expect(try gradients[0].floats() == [2])
    }

    @Test func operationsOutsideRecordNothing() throws {
        #expect((try tensor([1]) * 2).node == nil)
    }

    /// Released recursively, a chain this long would overflow the stack.
    @Test func longGraphsAreTornDown() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).on(device)
        let (_, gradients) = valueAndGradient(at: [x]) { inputs in
            var y = inputs[0]
            for _ in 0..<60_000 { y = y.transposed() }
            return (y * x).sum()
        }
        #expect(try gradients[0].floats() == [1, 2, 3, 4])
        // One whose backward pass never runs.
        let unused = valueAndGradient(at: [x]) { inputs in
            var y = inputs[0]
            for _ in 0..<60_000 { y = y.transposed() }
            return inputs[0].sum()
        }
        #expect(try unused.gradients[0].floats() == [1, 1, 1, 1])
    }

    @Test func longSumsAreTornDown() throws {
        let (_, gradients) = valueAndGradient(at: [try tensor([1, 2])]) { inputs in
            var y = inputs[0]
            for _ in 0..<5000 { y = y + inputs[0] }
            return y.sum()
        }
        #expect(try gradients[0].floats() == [5001, 5001])
    }

    /// What a gradient has used is let go of at once.
    @Test func savedTensorsAreReleased() throws {
        let x = try Tensor([Float](repeating: 1, count: 1 << 18), shape: [1 << 18]).on(device)
        let before = device.statistics.bytesInUse
        let result = valueAndGradient(at: [x]) { inputs in
            var y = inputs[0]
            for _ in 0..<8 { y = y.softmax() }
            return y.sum()
        }
        _ = try result.value.item()
        _ = result.gradients[0].evaluated()
        // The value, the gradient, and no activation.
        #expect(device.statistics.bytesInUse - before <= 2 << 20)
    }

    /// The operands of a sum are not needed for its gradient.
    @Test func sumsKeepNothing() throws {
        let x = try Tensor([Float](repeating: 1, count: 1 << 18), shape: [1 << 18]).on(device)
        let (value, _) = valueAndGradient(at: [x]) { inputs in
            let before = device.statistics.bytesInUse
            let y = (inputs[0] * 2).evaluated() + (inputs[0] * 3).evaluated()
            let z = y.evaluated()
            #expect(device.statistics.bytesInUse - before <= 5 << 18)
            return z.sum()
        }
        #expect(try value.item() == 5 * Float(1 << 18))
    }

    @Test func streamsRepeatAndDiffer() {
        var first = RandomStream(seed: 4), second = RandomStream(seed: 4)
        #expect(first.next() == second.next() && first.draws == 1)
        #expect(first.next() != RandomStream(seed: 4).split(0).key)
        let keys = (0..<1000).map { RandomStream(seed: 4).split($0).key }
        #expect(Set(keys).count == 1000)
    }
}

extension RandomStream {
    fileprivate var key: RandomKey {
        var copy = self
        return copy.next()
    }
}
