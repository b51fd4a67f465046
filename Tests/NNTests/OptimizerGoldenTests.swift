import Martlet
import Testing

/// Parameters after 1, 10 and 100 steps of every optimizer, as PyTorch computes them from the same gradients.
@Suite struct OptimizerGoldenTests {
    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try GoldenFile("optimizers")
        #expect(golden.cases.count >= 30)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases { try check(golden, test, id) }
        }
    }

    private func check(_ golden: GoldenFile, _ test: GoldenFile.Case, _ id: String) throws {
        let parameters = try (0...1).map { Parameter(try golden.tensor("initial/\($0)")) }
        let gradients = try (0...1).map { try golden.tensor("gradients/\($0)") }
        let optimizer = try #require(make(test, parameters), "\(test.name): there is no optimizer \(test.op)")
        for step in 1...100 {
            var current = Gradients()
            for index in 0...1 {
                current[parameters[index]] = gradients[index].sliced(axis: 0, step - 1..<step).reshaped(parameters[index].shape)
            }
            optimizer.step(current)
            guard [1, 10, 100].contains(step) else { continue }
            for index in 0...1 {
                try expectClose(
                    parameters[index].value, try golden.tensor("\(test.name)/step\(step)/\(index)"), within: 1e-5,
                    "\(id) \(test.name), parameter \(index) after \(step) steps")
            }
        }
    }

    private func make(_ test: GoldenFile.Case, _ parameters: [Parameter]) -> Optimizer? {
        let options = test.options, rate = options.float("learningRate"), decay = options.float("weightDecay")
        let clipping: GradientClipping? =
            options.has("clipNorm")
            ? .norm(options.float("clipNorm"))
            : options.has("clipValue") ? .value(options.float("clipValue")) : nil
        let betas = (options.float("beta1"), options.float("beta2")), epsilon = options.float("epsilon")
        switch test.op {
        case "SGD":
            return SGD(
                parameters, learningRate: rate, momentum: options.float("momentum"), dampening: options.float("dampening"),
                nesterov: options.bool("nesterov"), weightDecay: decay, clipping: clipping)
        case "Adagrad":
            return Adagrad(
                parameters, learningRate: rate, learningRateDecay: options.float("learningRateDecay"),
                initialSum: options.float("initialSum"), epsilon: epsilon, weightDecay: decay, clipping: clipping)
        case "RMSprop":
            return RMSProp(
                parameters, learningRate: rate, smoothing: options.float("smoothing"), epsilon: epsilon,
                momentum: options.float("momentum"),
                centred: options.bool("centred"), weightDecay: decay, clipping: clipping)
        case "Adadelta":
            return Adadelta(
                parameters, learningRate: rate, smoothing: options.float("smoothing"), epsilon: epsilon, weightDecay: decay,
                clipping: clipping)
        case "Adam":
            return Adam(
                parameters, learningRate: rate, betas: betas, epsilon: epsilon, weightDecay: decay,
                amsgrad: options.bool("amsgrad"), clipping: clipping)
        case "AdamW":
            return AdamW(parameters, learningRate: rate, betas: betas, epsilon: epsilon, weightDecay: decay, clipping: clipping)
        case "NAdam":
            return NAdam(
                parameters, learningRate: rate, betas: betas, epsilon: epsilon, weightDecay: decay,
                momentumDecay: options.float("momentumDecay"),
                clipping: clipping)
        case "RAdam":
            return RAdam(parameters, learningRate: rate, betas: betas, epsilon: epsilon, weightDecay: decay, clipping: clipping)
        default: return nil
        }
    }
}
