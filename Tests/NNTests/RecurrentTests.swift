import Martlet
import Testing

/// LSTM and GRU layers as PyTorch computes them, and what PyTorch has no word for.
@Suite struct RecurrentTests {
    private static func layer(_ test: GoldenFile.Case, inputs: Int) -> Recurrent {
        let options = test.options, hidden = options.integer("hidden"), layers = options.integer("layers")
        let bias = options.bool("bias"), bidirectional = options.bool("bidirectional"), first = options.bool("batchFirst")
        return test.op == "lstm"
            ? LSTM(inputs, hidden, layers: layers, bias: bias, bidirectional: bidirectional, batchFirst: first)
            : GRU(inputs, hidden, layers: layers, bias: bias, bidirectional: bidirectional, batchFirst: first)
    }

    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try GoldenFile("recurrent")
        #expect(golden.cases.count == 14)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases { try Self.check(test, golden, "\(id) \(test.name)") }
        }
    }

    private static func check(_ test: GoldenFile.Case, _ golden: GoldenFile, _ what: String) throws {
        let values = try test.inputs.indices.map { try golden.tensor("\(test.name)/in\($0)") }
        let states = test.op == "lstm" ? 2 : 1, hasLengths = test.inputs.contains("lengths")
        let firstParameter = 1 + states + (hasLengths ? 1 : 0)
        let layer = layer(test, inputs: values[0].shape[2])
        #expect(layer.namedParameters.map(\.name) == Array(test.inputs[firstParameter...]), "\(what): names of parameters")
        for (parameter, value) in zip(layer.parameters, values[firstParameter...]) { parameter.value = value }
        func run(_ x: [Tensor]) -> [Tensor] {
            let result = layer(
                x[0], state: RecurrentState(hidden: x[1], cell: states == 2 ? x[2] : nil),
                lengths: hasLengths ? values[1 + states] : nil)
            return [result.output, result.state.hidden] + (result.state.cell.map { [$0] } ?? [])
        }
        func loss(_ x: [Tensor]) throws -> Tensor {
            try run(x).enumerated().map { index, output in
                (output * (try golden.tensor("\(test.name)/up\(index)"))).sum()
            }.reduce(Tensor(0)) { $0 + $1 }
        }
        let floats = Array(values[..<(1 + states)])
        for (index, output) in run(floats).enumerated() {
            try expectClose(output, try golden.tensor("\(test.name)/out\(index)"), within: 1e-5, "\(what), output \(index)")
        }
        let found = try valueAndGradient(at: floats) { try loss($0) }.gradients
        let ofParameters = try valueAndGradient(of: layer) { _ in try loss(floats) }.gradients
        for (index, gradient) in found.enumerated() {
            try expectClose(
                gradient, try golden.tensor("\(test.name)/grad\(index)"), within: 1e-4, "\(what), \(test.inputs[index])")
        }
        for (index, (name, parameter)) in layer.namedParameters.enumerated() {
            try expectClose(
                try #require(ofParameters[parameter], "\(what), \(name)"),
                try golden.tensor("\(test.name)/grad\(firstParameter + index)"), within: 1e-4, "\(what), \(name)")
        }
    }

    /// A long sequence in pieces with the state carried, and one step at a time, is the long sequence.
    @Test(arguments: TestDevices.ids) func statesCarry(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            try withSeed(3) {
                for layer in [LSTM(6, 20, layers: 2) as Recurrent, GRU(6, 20, layers: 2), LSTM(6, 20, batchFirst: true)] {
                    let axis = layer.batchFirst ? 1 : 0
                    let x = Initializer.uniform(-1, 1)(layer.batchFirst ? [3, 11, 6] : [11, 3, 6])
                    let whole = layer(x, state: nil)
                    for size in [5, 1] {
                        var state = layer.zeroState(3), outputs: [Tensor] = []
                        for start in stride(from: 0, to: 11, by: size) {
                            let piece = x.sliced(axis: axis, start..<min(start + size, 11))
                            if size == 1 {
                                let result = layer.step(piece.squeezed(axis: axis), state: state)
                                outputs.append(result.output.expanded(axis: axis))
                                state = result.state.detached
                            } else {
                                let result = layer(piece, state: state)
                                outputs.append(result.output)
                                state = result.state.detached
                            }
                        }
                        let what = "\(layer.cell) in pieces of \(size)"
                        try expectClose(concatenate(outputs, axis: axis), whole.output, within: 1e-6, what)
                        try expectClose(state.hidden, whole.state.hidden, within: 1e-6, what)
                        if let cell = whole.state.cell { try expectClose(try #require(state.cell), cell, within: 1e-6, what) }
                    }
                }
            }
        }
    }

    /// A later step changes no earlier output, to the bit.
    @Test(arguments: TestDevices.ids) func nothingLeaks(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            try withSeed(4) {
                for layer in [LSTM(4, 33, layers: 2) as Recurrent, GRU(4, 33, layers: 2)] {
                    let x = Initializer.uniform(-1, 1)([9, 2, 4]), other = Initializer.uniform(-1, 1)([3, 2, 4])
                    let changed = concatenate([x.sliced(axis: 0, 0..<6), other])
                    let first = try layer(x).sliced(axis: 0, 0..<6).floats(), second = try layer(changed).floats()
                    #expect(first == Array(second.prefix(first.count)))
                }
            }
        }
    }

    /// Dropout acts between layers, in training only, and not behind the last.
    @Test(arguments: TestDevices.ids) func dropoutBetweenLayers(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            try withSeed(5) {
                let one = LSTM(4, 8, dropout: 0.5), two = LSTM(4, 8, layers: 2, dropout: 0.5)
                let x = Initializer.uniform(-1, 1)([3, 2, 4])
                func runs(_ layer: LSTM, training: Bool) throws -> ([Float], [Float]) {
                    try TrainingMode.set(training) { (try layer(x).floats(), try layer(x).floats()) }
                }
                let plain = try runs(one, training: true), evaluated = try runs(two, training: false)
                let dropped = try runs(two, training: true)
                #expect(plain.0 == plain.1)
                #expect(evaluated.0 == evaluated.1)
                #expect(dropped.0 != dropped.1)
            }
        }
    }

    @Test func tracesShowEveryGate() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            try withSeed(6) {
                let lstm = LSTM(3, 5, layers: 2, bidirectional: true, batchFirst: true), gru = GRU(3, 5)
                let x = Initializer.uniform(-1, 1)([2, 7, 3])
                let traces = lstm.trace(x)
                #expect(traces.map { "\($0.layer)\($0.isReversed)" } == ["0false", "0true", "1false", "1true"])
                for trace in traces {
                    #expect(trace.gates.map(\.name) == ["input", "forget", "candidate", "output"])
                    let output = try #require(trace["output"]), cell = try #require(trace.cell)
                    #expect(output.shape == [2, 7, 5])
                    try expectClose(output * cell.tanh(), trace.hidden, within: 1e-5, "layer \(trace.layer)")
                    let forget = try #require(trace["forget"]).floats()
                    #expect(forget.allSatisfy { $0 > 0 && $0 < 1 })
                }
                let last = traces.suffix(2).map(\.hidden)
                try expectClose(concatenate(last, axis: 2), lstm(x), within: 0, "the last layer's states are the output")
                let trace = gru.trace(x)[0]
                #expect(trace.gates.map(\.name) == ["reset", "update", "candidate"])
                #expect(trace.cell == nil)
                #expect(trace["forget"] == nil)
            }
        }
    }

    /// PyTorch's first values lie within 1 / sqrt(hidden), for biases too.
    @Test func firstValuesLieWithinPyTorchsBounds() throws {
        try withDevice(try TestDevices.named("cpu")) {
            try withSeed(7) {
                for layer in [LSTM(40, 16, layers: 2) as Recurrent, GRU(40, 16, bidirectional: true)] {
                    for (name, parameter) in layer.namedParameters {
                        let values = try parameter.value.floats()
                        #expect(values.allSatisfy { abs($0) <= 0.25 }, "\(name)")
                        #expect(values.contains { abs($0) > 0.2 }, "\(name)")
                    }
                }
            }
        }
    }
}
