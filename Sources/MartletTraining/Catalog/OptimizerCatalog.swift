import MartletNN

/// An optimizer that the command line knows by name.
public struct OptimizerDescription: Sendable {
    public let name: String
    public let settings: [Settings.Key]
    /// The learning rate where nothing says another.
    public var standardRate: Double {
        switch name {
        case "adadelta": 1
        case "sgd", "momentum", "nag", "adagrad": 0.01
        case "nadam": 2e-3
        default: 1e-3
        }
    }
    let make: @Sendable (Settings, [ParameterGroup], Float, Float, GradientClipping?) throws -> Optimizer

    /// Builds the optimizer for parameters.
    public func build(_ settings: Settings, _ groups: [ParameterGroup], learningRate: Double) throws -> Optimizer {
        let decay = try settings.number(OptimizerCatalog.weightDecay(standard: name == "adamw" ? "0.01" : "0"), in: 0...1000)
        return try make(
            settings, try OptimizerCatalog.decayed(groups, settings), Float(learningRate), Float(decay),
            try OptimizerCatalog.clipping(settings))
    }
}

/// All optimizers by name.
public enum OptimizerCatalog {
    public static let all: [OptimizerDescription] = [
        sgd("sgd", momentum: "0", nesterov: false), sgd("momentum", momentum: "0.9", nesterov: false),
        sgd("nag", momentum: "0.9", nesterov: true),
        adagrad, rmsprop, adadelta, adam("adam", amsgrad: false), adam("amsgrad", amsgrad: true), adamw, nadam, radam,
    ]

    /// The optimizer of this name.
    public static func named(_ name: String) throws -> OptimizerDescription {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw TrainingError(
            .input, "--optimizer \(name): there is no such optimizer; there are \(all.map(\.name).joined(separator: ", "))")
    }

    static func weightDecay(standard: String) -> Settings.Key {
        Settings.Key("weight_decay", standard, "share of each parameter added to its gradient (adamw: taken off it)")
    }
    private static let clipNorm = Settings.Key("clip_norm", "0", "largest norm of all gradients together; 0 for none")
    private static let clipValue = Settings.Key("clip_value", "0", "largest value of a gradient; 0 for none")
    /// The settings that all optimizers have.
    public static let common = [weightDecay(standard: "0"), decayVectors, clipNorm, clipValue]

    private static let decayVectors = Settings.Key(
        "decay_vectors", "true", "whether weight decay holds for biases and the scales of normalisations too")

    /// The groups, those parameters apart that weight decay leaves alone.
    static func decayed(_ groups: [ParameterGroup], _ settings: Settings) throws -> [ParameterGroup] {
        if try settings.bool(decayVectors) { return groups }
        return groups.flatMap { group -> [ParameterGroup] in
            var matrices = group, vectors = group
            matrices.parameters = group.parameters.filter { $0.shape.count > 1 }
            vectors.parameters = group.parameters.filter { $0.shape.count <= 1 }
            vectors.weightDecay = 0
            return [matrices, vectors].filter { !$0.parameters.isEmpty }
        }
    }

    static func clipping(_ settings: Settings) throws -> GradientClipping? {
        let norm = Float(try settings.number(clipNorm, in: 0...1e30)), value = Float(try settings.number(clipValue, in: 0...1e30))
        guard norm == 0 || value == 0 else { throw TrainingError(.input, "--set clip_norm and clip_value: give one of them") }
        return norm > 0 ? .norm(norm) : value > 0 ? .value(value) : nil
    }

    private static let beta1 = Settings.Key("beta1", "0.9", "share of the running mean kept")
    private static let beta2 = Settings.Key("beta2", "0.999", "share of the running mean square kept")
    private static func epsilon(_ standard: String) -> Settings.Key { Settings.Key("epsilon", standard, "added to divisors") }
    private static func betas(_ settings: Settings) throws -> (Float, Float) {
        (Float(try settings.number(beta1, in: 0...0.999999)), Float(try settings.number(beta2, in: 0...0.9999999)))
    }

    private static func sgd(_ name: String, momentum standard: String, nesterov: Bool) -> OptimizerDescription {
        let momentum = Settings.Key("momentum", standard, "share of the velocity kept")
        let dampening = Settings.Key("dampening", "0", "share of the gradient kept out of the velocity")
        let keys = name == "sgd" ? [] : nesterov ? [momentum] : [momentum, dampening]
        return OptimizerDescription(name: name, settings: keys) { settings, groups, rate, decay, clipping in
            let share = Float(try settings.number(momentum, in: (nesterov ? 1e-6 : 0)...0.999999))
            return SGD(
                groups, learningRate: rate, momentum: share, dampening: Float(try settings.number(dampening, in: 0...1)),
                nesterov: nesterov,
                weightDecay: decay, clipping: clipping)
        }
    }

    private static let adagrad: OptimizerDescription = {
        let rateDecay = Settings.Key("learning_rate_decay", "0", "how fast the rate falls with the step")
        let initial = Settings.Key("initial_sum", "0", "what the sums of squares begin with")
        let small = epsilon("1e-10")
        return OptimizerDescription(name: "adagrad", settings: [rateDecay, initial, small]) {
            settings, groups, rate, decay, clipping in
            Adagrad(
                groups, learningRate: rate, learningRateDecay: Float(try settings.number(rateDecay, in: 0...1000)),
                initialSum: Float(try settings.number(initial, in: 0...1e6)),
                epsilon: Float(try settings.number(small, in: 0...1)),
                weightDecay: decay, clipping: clipping)
        }
    }()

    private static let rmsprop: OptimizerDescription = {
        let smoothing = Settings.Key("smoothing", "0.99", "share of the running means kept")
        let momentum = Settings.Key("momentum", "0", "share of the step kept")
        let centred = Settings.Key("centred", "false", "divide by the deviation instead of the root mean square")
        let small = epsilon("1e-8")
        return OptimizerDescription(name: "rmsprop", settings: [smoothing, momentum, centred, small]) {
            settings, groups, rate, decay, clipping in
            RMSProp(
                groups, learningRate: rate, smoothing: Float(try settings.number(smoothing, in: 0...0.999999)),
                epsilon: Float(try settings.number(small, in: 0...1)),
                momentum: Float(try settings.number(momentum, in: 0...0.999999)),
                centred: try settings.bool(centred), weightDecay: decay, clipping: clipping)
        }
    }()

    private static let adadelta: OptimizerDescription = {
        let smoothing = Settings.Key("smoothing", "0.9", "share of the running means kept"), small = epsilon("1e-6")
        return OptimizerDescription(name: "adadelta", settings: [smoothing, small]) { settings, groups, rate, decay, clipping in
            Adadelta(
                groups, learningRate: rate, smoothing: Float(try settings.number(smoothing, in: 0...0.999999)),
                epsilon: Float(try settings.number(small, in: 1e-30...1)), weightDecay: decay, clipping: clipping)
        }
    }()

    private static func adam(_ name: String, amsgrad: Bool) -> OptimizerDescription {
        let small = epsilon("1e-8")
        return OptimizerDescription(name: name, settings: [beta1, beta2, small]) { settings, groups, rate, decay, clipping in
            Adam(
                groups, learningRate: rate, betas: try betas(settings), epsilon: Float(try settings.number(small, in: 0...1)),
                weightDecay: decay,
                amsgrad: amsgrad, clipping: clipping)
        }
    }

    private static let adamw: OptimizerDescription = {
        let small = epsilon("1e-8"), largest = Settings.Key("amsgrad", "false", "divide by the largest mean square so far")
        return OptimizerDescription(name: "adamw", settings: [beta1, beta2, small, largest]) {
            settings, groups, rate, decay, clipping in
            AdamW(
                groups, learningRate: rate, betas: try betas(settings), epsilon: Float(try settings.number(small, in: 0...1)),
                weightDecay: decay,
                amsgrad: try settings.bool(largest), clipping: clipping)
        }
    }()

    private static let nadam: OptimizerDescription = {
        let small = epsilon("1e-8"), momentumDecay = Settings.Key("momentum_decay", "0.004", "how fast the momentum rises")
        return OptimizerDescription(name: "nadam", settings: [beta1, beta2, small, momentumDecay]) {
            settings, groups, rate, decay, clipping in
            NAdam(
                groups, learningRate: rate, betas: try betas(settings), epsilon: Float(try settings.number(small, in: 0...1)),
                weightDecay: decay,
                momentumDecay: Float(try settings.number(momentumDecay, in: 0...1)), clipping: clipping)
        }
    }()

    private static let radam: OptimizerDescription = {
        let small = epsilon("1e-8")
        return OptimizerDescription(name: "radam", settings: [beta1, beta2, small]) { settings, groups, rate, decay, clipping in
            RAdam(
                groups, learningRate: rate, betas: try betas(settings), epsilon: Float(try settings.number(small, in: 0...1)),
                weightDecay: decay,
                clipping: clipping)
        }
    }()
}
