import Martlet
import Testing

/// Every op, forward and gradient, as PyTorch computes it.
@Suite struct OperationGoldenTests {
    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try GoldenFile("ops")
        #expect(golden.cases.count > 100)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases {
                try GoldenRun(golden, test).check(within: 1e-4, "\(id) \(test.name)") { try Self.run(test, $0) }
            }
        }
    }

    private static func run(_ test: GoldenFile.Case, _ x: [Tensor]) throws -> [Tensor] {
        if let result = pointwise(test, x) ?? reduction(test, x) ?? product(test, x) ?? pooling(test, x) ?? indexing(test, x) {
            return result
        }
        switch test.op {
        case "softmax": return [x[0].softmax(axis: test.options.integer("axis"))]
        case "logSoftmax": return [x[0].logSoftmax(axis: test.options.integer("axis"))]
        case "batchNorm", "layerNorm", "groupNorm": return try normalization(test, x)
        default:
            Issue.record("\(test.name): nothing here runs \(test.op)")
            return []
        }
    }

    private static func pointwise(_ test: GoldenFile.Case, _ x: [Tensor]) -> [Tensor]? {
        let options = test.options
        switch test.op {
        case "relu": return [x[0].relu()]
        case "leakyReLU": return [x[0].leakyReLU(options.float("slope"))]
        case "elu": return [x[0].elu(options.float("alpha"))]
        case "gelu": return [options.string("approximation") == "tanh" ? x[0].geluTanh() : x[0].gelu()]
        case "silu": return [x[0].silu()]
        case "sigmoid": return [x[0].sigmoid()]
        case "logSigmoid": return [-(-x[0]).softplus()]
        case "tanh": return [x[0].tanh()]
        case "softplus": return [x[0].softplus()]
        case "erf": return [x[0].errorFunction]
        case "abs": return [x[0].absolute]
        case "sign": return [x[0].sign]
        case "square": return [x[0].square]
        case "sin": return [x[0].sine]
        case "cos": return [x[0].cosine]
        case "negate": return [-x[0]]
        case "exp": return [x[0].exponential]
        case "expm1": return [x[0].exponentialMinusOne]
        case "log": return [x[0].logarithm]
        case "log1p": return [x[0].logarithmOnePlus]
        case "sqrt": return [x[0].squareRoot]
        case "rsqrt": return [x[0].reciprocalSquareRoot]
        case "reciprocal": return [x[0].reciprocal]
        case "clamp": return [x[0].clamped(options.float("low"), options.float("high"))]
        case "power": return [options.has("exponent") ? x[0].power(options.float("exponent")) : x[0].power(x[1])]
        case "add": return [x[0] + x[1]]
        case "subtract": return [x[0] - x[1]]
        case "multiply": return [x[0] * x[1]]
        case "divide": return [x[0] / x[1]]
        case "maximum": return [x[0].maximum(x[1])]
        case "minimum": return [x[0].minimum(x[1])]
        case "where": return [Tensor.select(x[0], x[1], x[2])]
        default: return nil
        }
    }

    private static func reduction(_ test: GoldenFile.Case, _ x: [Tensor]) -> [Tensor]? {
        let options = test.options, axes = options.integers("axes"), keeps = options.bool("keepDimensions")
        switch test.op {
        case "sum": return [x[0].sum(axes, keepingDimensions: keeps)]
        case "mean": return [x[0].mean(axes, keepingDimensions: keeps)]
        case "max": return [x[0].max(axes, keepingDimensions: keeps)]
        case "min": return [x[0].min(axes, keepingDimensions: keeps)]
        case "norm": return [x[0].norm(axes, keepingDimensions: keeps)]
        case "variance": return [x[0].variance(axes, correction: options.integer("correction"), keepingDimensions: keeps)]
        case "argMax": return [x[0].argMax(options.integer("axis"), keepingDimensions: keeps)]
        case "argMin": return [x[0].argMin(options.integer("axis"), keepingDimensions: keeps)]
        default: return nil
        }
    }

    private static func product(_ test: GoldenFile.Case, _ x: [Tensor]) -> [Tensor]? {
        let options = test.options
        switch test.op {
        case "matmul":
            return [
                matmul(
                    options.bool("transposeA") ? x[0].transposed() : x[0], options.bool("transposeB") ? x[1].transposed() : x[1])
            ]
        case "linear": return [linear(x[0], x[1], bias: x.count > 2 ? x[2] : nil)]
        case "convolution":
            let geometry = ConvolutionOptions(
                stride: options.pair("stride"), padding: options.pair("padding"), dilation: options.pair("dilation"),
                groups: options.integer("groups"))
            return [convolution(x[0], x[1], bias: x.count > 2 ? x[2] : nil, options: geometry)]
        default: return nil
        }
    }

    private static func pooling(_ test: GoldenFile.Case, _ x: [Tensor]) -> [Tensor]? {
        let options = test.options
        switch test.op {
        case "maxPool":
            return [
                x[0].maxPooled(
                    PoolingOptions(
                        kernel: options.pair("kernel"), stride: options.pair("stride"), padding: options.pair("padding"),
                        dilation: options.pair("dilation"), ceilMode: options.bool("ceilMode")))
            ]
        case "averagePool":
            return [
                x[0].averagePooled(
                    PoolingOptions(
                        kernel: options.pair("kernel"), stride: options.pair("stride"), padding: options.pair("padding"),
                        ceilMode: options.bool("ceilMode"), countsPadding: options.bool("countsPadding")))
            ]
        case "adaptiveAveragePool": return [x[0].adaptiveAveragePooled(options.pair("outputSize"))]
        case "adaptiveMaxPool": return [x[0].adaptiveMaxPooled(options.pair("outputSize"))]
        default: return nil
        }
    }

    private static func indexing(_ test: GoldenFile.Case, _ x: [Tensor]) -> [Tensor]? {
        let options = test.options, axis = options.integer("axis")
        func onLast(_ tensor: Tensor) -> Tensor { tensor.transposed(axis, -1) }
        switch test.op {
        case "embedding": return [x[0].gathered(x[1])]
        case "indexSelect": return [x[0].gathered(x[1], axis: axis)]
        case "indexAdd": return [x[0] + x[2].scatterAdded(x[1], into: x[0].shape, axis: axis)]
        case "gather": return [onLast(onLast(x[0]).gatheredElements(onLast(x[1])))]
        case "scatterAdd":
            return [x[0] + onLast(onLast(x[2]).scatterAddedElements(onLast(x[1]), into: onLast(x[0]).shape[x[0].rank - 1]))]
        case "topK":
            let (values, indices) = onLast(x[0]).top(options.integer("k"), largest: options.bool("largest"))
            return [onLast(values), onLast(indices)]
        case "sort":
            let (values, indices) = onLast(x[0]).sorted(descending: options.bool("descending"))
            return [onLast(values), onLast(indices)]
        case "slice":
            return [x[0].sliced(axis: axis, options.integer("start")..<options.integer("end"), step: options.integer("step"))]
        case "concatenate": return [concatenate(x, axis: axis)]
        case "permute": return [x[0].permuted(options.integers("axes"))]
        case "pad": return [x[0].padded(options.pairs("padding").map { ($0[0], $0[1]) }, value: options.float("value"))]
        default: return nil
        }
    }

    private static func normalization(_ test: GoldenFile.Case, _ x: [Tensor]) throws -> [Tensor] {
        let epsilon = test.options.float("epsilon")
        func input(_ name: String) -> Tensor? { test.inputs.firstIndex(of: name).map { x[$0] } }
        if test.op == "groupNorm" {
            return [
                groupNorm(
                    x[0], groups: test.options.integer("groups"), scale: input("scale"), shift: input("shift"), epsilon: epsilon)
            ]
        }
        if test.op == "layerNorm" {
            return [
                layerNorm(
                    x[0], axes: test.options.integers("normalizedShape").count, scale: input("scale"), shift: input("shift"),
                    epsilon: epsilon)
            ]
        }
        let affine = input("scale") != nil, momentum = test.options.float("momentum")
        let layer: BatchNorm =
            x[0].rank == 4
            ? BatchNorm2D(x[0].shape[1], epsilon: epsilon, momentum: momentum, affine: affine)
            : BatchNorm1D(x[0].shape[1], epsilon: epsilon, momentum: momentum, affine: affine)
        layer.runningMean.value = input("runningMean")!
        layer.runningVariance.value = input("runningVariance")!
        if let scale = input("scale"), let shift = input("shift") {
            // The layer's own parameters are not variables here; the function is, and the layer keeps the statistics.
            if test.options.bool("training") {
                _ = TrainingMode.set(true) { layer(x[0]) }
                return [
                    batchNorm(x[0], scale: scale, shift: shift, epsilon: epsilon).output, layer.runningMean.value,
                    layer.runningVariance.value,
                ]
            }
            layer.weight!.value = Tensor.ones(scale.shape)
            layer.bias!.value = Tensor.zeros(shift.shape)
            let extents = [scale.count] + [Int](repeating: 1, count: x[0].rank - 2)
            return [layer(x[0]) * scale.reshaped(extents) + shift.reshaped(extents)]
        }
        let y = TrainingMode.set(test.options.bool("training")) { layer(x[0]) }
        return [y, layer.runningMean.value, layer.runningVariance.value]
    }
}
