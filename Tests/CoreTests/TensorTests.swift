import Foundation
import MartletCPU
import MartletCore
import Testing

@Suite struct TensorTests {
    @Test func valuesComeBack() throws {
        #expect(try Tensor([1.5, -2, 3] as [Float]).floats() == [1.5, -2, 3])
        #expect(try Tensor([Int32.max, 0, Int32.min], shape: [3, 1]).integers() == [Int32.max, 0, Int32.min])
        #expect(try Tensor(4).item() == 4 && Tensor(4).shape.isEmpty)
        #expect(try Tensor([Float](), shape: [0, 3]).floats().isEmpty)
        #expect(try Tensor([7] as [Int32]).item() == 7)
    }

    /// Views of host values need no device.
    @Test func hostViews() throws {
        let x = Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
        #expect(try x.permuted([2, 0, 1]).floats().prefix(4) == [0, 4, 8, 12])
        #expect(
            try x.transposed().shape == [2, 4, 3] && x.sliced(axis: 1, 1..<3, step: 2).floats() == [4, 5, 6, 7, 16, 17, 18, 19])
        #expect(try Tensor(repeating: 2, shape: [2, 3]).floats() == [2, 2, 2, 2, 2, 2])
        #expect(
            x.reshaped([-1, 6]).shape == [4, 6] && x.flattened().shape == [2, 12] && x.expanded(axis: -1).shape == [2, 3, 4, 1])
        #expect(x.sliced(axis: 1, 0..<1).squeezed(axis: 1).shape == [2, 4])
        #expect(x.device == nil)
    }

    @Test func comparisonsWithNumbers() throws {
        let x = Tensor([1, 2, 3, .nan, .infinity] as [Float])
        let results = try withDevice(try CPUDevice(threads: 1)) {
            try [x .< 2, x .<= 2, x .> 2, x .>= 2, x .== 2, x .!= 2].map { try $0.floats() }
        }
        #expect(
            results == [
                [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 1, 1, 0, 1], [0, 1, 0, 0, 0], [1, 0, 1, 1, 1],
            ])
    }

    /// A copy is a value: what is done to one leaves the other.
    @Test func tensorsAreValues() throws {
        let device = try CPUDevice(threads: 1)
        let first = try Tensor([1, 2, 3] as [Float]).on(device)
        var groups = [[first]]
        Tensor.update(.input(0) + 1, scalars: [], groups: &groups)
        #expect(try groups[0][0].floats() == [2, 3, 4] && first.floats() == [1, 2, 3])
    }

    /// Element-by-element operations are one pass over memory.
    @Test func chainsRunOnce() throws {
        let device = try CPUDevice(threads: 1)
        let x = try Tensor([1, 2, 3] as [Float]).on(device), before = device.statistics.launches
        let y = ((x * 2 + 1).relu() - 3).square
        #expect(device.statistics.launches == before)
        #expect(try y.floats() == [0, 4, 16])
        #expect(device.statistics.launches == before + 1)
        _ = try y.floats()
        #expect(device.statistics.launches == before + 1)
    }

    /// A product that only a sum reads is computed in one pass with it; one that others read is computed once.
    @Test func productsWaitForWhatFollows() throws {
        let device = try CPUDevice(threads: 1)
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).on(device)
        let weight = try Tensor([1, 1, 0, 2] as [Float], shape: [2, 2]).on(device)
        var before = device.statistics.launches
        #expect(try (x + linear(x, weight)).floats() == [4, 6, 10, 12])
        #expect(device.statistics.launches - before == 1)

        before = device.statistics.launches
        let product = matmul(x, weight), sum = product + 1, double = product * 2
        #expect(try sum.floats() == [2, 6, 4, 12] && double.floats() == [2, 10, 6, 22] && product.floats() == [1, 5, 3, 11])
        #expect(device.statistics.launches - before == 3)
    }

    /// What a product reads may be overwritten while it waits.
    @Test func waitingProductsKeepTheirOperands() throws {
        let device = try CPUDevice(threads: 1)
        var weight = try Tensor([1, 1, 0, 2] as [Float], shape: [2, 2]).on(device)
        let product = matmul(try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).on(device), weight)
        weight.replace(axis: 0, at: 0, with: Tensor.zeros([2, 2]))
        #expect(try product.floats() == [1, 5, 3, 11] && weight.floats() == [0, 0, 0, 0])
    }

    @Test func chainsStayWithinTheirLimits() throws {
        let device = try CPUDevice(threads: 1)
        var x = try Tensor([1] as [Float]).on(device)
        for step in 0..<1000 {
            x = x * 0.5 + Float(step % 2)
            if let work = x.storage.pending {
                #expect(work.expression.operations.count <= Tensor.longestChain && work.inputs.count <= Tensor.mostInputs)
            }
        }
        let parts = try (0..<40).map { try Tensor([Float($0)]).on(device) }
        var sum = parts[0]
        for part in parts.dropFirst() {
            sum = Tensor.select(part, sum, part + sum)
            #expect((sum.storage.pending?.inputs.count ?? 0) <= Tensor.mostInputs)
        }
    }

    @Test func devicesInForce() throws {
        let device = try CPUDevice(threads: 1), other = try CPUDevice(threads: 1)
        let sum = withDevice(device) { Tensor([1, 2] as [Float]) + 1 }
        #expect(sum.device === device)
        let inner = withDevice(device) { withDevice(other) { Tensor([1] as [Float]) * 2 } }
        #expect(inner.device === other)
        #expect(try sum.on(other).device === other && sum.on(other).floats() == [2, 3])
    }

    @Test func mistakesNameTheOperationAndTheShapes() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let device = try CPUDevice(threads: 1)
            withDevice(device) { _ = matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 5])) }
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("matmul: [2, 3] by [4, 5]") && text.contains("TensorTests.swift"))
    }

    @Test func operandsOfTwoDevicesAreAMistake() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let x = try Tensor([1] as [Float]).on(CPUDevice(threads: 1)), y = try Tensor([1] as [Float]).on(CPUDevice(threads: 1))
            _ = x + y
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("+: operands on cpu and cpu"))
    }
}
