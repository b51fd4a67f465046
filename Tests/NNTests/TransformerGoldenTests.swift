import Martlet
import Testing

/// Attention and Transformer layers from PyTorch's own state dictionaries: results, gradients of inputs and parameters.
@Suite struct TransformerGoldenTests {
    private static let golden = Result { try GoldenFile("transformers") }

    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try Self.golden.get()
        #expect(golden.cases.count >= 20)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases { try Self.check(golden, test, "\(id) \(test.name)") }
        }
    }

    private static func check(_ golden: GoldenFile, _ test: GoldenFile.Case, _ what: String) throws {
        func stored(_ name: String) throws -> Tensor { try golden.tensor("\(test.name)/\(name)") }
        let (module, run) = try layer(golden, test)
        let names = golden.file.entries.map(\.name).filter { $0.hasPrefix("\(test.name)/state/") }
        #expect(Set(module.namedParameters.map { "\(test.name)/state/\($0.name)" }) == Set(names), "\(what): names")
        for (name, parameter) in module.namedParameters {
            let value = try stored("state/\(name)")
            try #require(value.shape == parameter.shape, "\(what): \(name)")
            parameter.value = value
        }
        let inputs = try (0..<3).filter { golden.has("\(test.name)/in\($0)") }.map { try stored("in\($0)") }
        let upstream = try stored("up0")
        try expectClose(run(inputs), try stored("out0"), within: 1e-4, "\(what): result")
        let gradients = valueAndGradient(of: module) { _ in (run(inputs) * upstream).sum() }.gradients
        for (name, parameter) in module.namedParameters {
            let gradient = try #require(gradients[parameter], "\(what): no gradient of \(name)")
            try expectClose(gradient, try stored("grad/\(name)"), within: 1e-4, "\(what): gradient of \(name)")
        }
        guard golden.has("\(test.name)/ingrad0") else { return }
        let ofInputs = valueAndGradient(at: inputs) { (run($0) * upstream).sum() }.gradients
        for (index, gradient) in ofInputs.enumerated() {
            try expectClose(gradient, try stored("ingrad\(index)"), within: 1e-4, "\(what): gradient of input \(index)")
        }
    }

    private static func layer(_ golden: GoldenFile, _ test: GoldenFile.Case) throws -> (any Module, ([Tensor]) -> Tensor) {
        let options = test.options
        let lengths = options.has("lengths") ? Tensor(options.integers("lengths").map { Int32($0) }) : nil
        switch test.op {
        case "attention":
            let mask = options.bool("mask") ? try golden.tensor("\(test.name)/mask") : nil
            let layer = MultiHeadAttention(
                12, heads: 3, keyWidth: options.has("keyWidth") ? options.integer("keyWidth") : nil,
                valueWidth: options.has("valueWidth") ? options.integer("valueWidth") : nil, bias: has(options, "bias"))
            return (
                layer,
                { x in
                    x.count == 1
                        ? layer(x[0], mask: mask, lengths: lengths, isCausal: options.bool("causal"))
                        : layer(x[0], keys: x[1], values: x.count > 2 ? x[2] : nil, mask: mask, lengths: lengths)
                }
            )
        case "encoderLayer":
            let layer = TransformerEncoderLayer(shared(options))
            return (layer, { layer($0[0], lengths: lengths) })
        case "decoderLayer":
            let layer = TransformerDecoderLayer(shared(options))
            return (layer, { layer($0[0], memory: $0[1], masks: DecoderMasks(memoryLengths: lengths)) })
        case "transformer":
            let count = options.integer("layers")
            let model = Transformer(shared(options), encoderLayers: count, decoderLayers: count)
            return (model, { model($0[0], $0[1], sourceLengths: lengths) })
        case "rmsNorm":
            let layer = RMSNorm(options.integers("shape"), epsilon: options.float("epsilon"))
            return (layer, { layer($0[0]) })
        case "embedding":
            let layer = Embedding(5, 6, paddingIndex: options.has("padding") ? options.integer("padding") : nil)
            return (layer, { layer($0[0]) })
        default:
            throw Unknown(op: test.op)
        }
    }

    private struct Unknown: Error { let op: String }

    private static func has(_ options: Options, _ name: String) -> Bool { !options.has(name) || options.bool(name) }

    private static func shared(_ options: Options) -> TransformerOptions {
        TransformerOptions(
            width: options.integer("width"), heads: options.integer("heads"), hidden: options.integer("hidden"), dropout: 0,
            activation: options.string("activation") == "gelu" ? .gelu : .relu, epsilon: options.float("epsilon", 1e-5),
            normFirst: options.bool("normFirst"), bias: has(options, "bias"))
    }
}
