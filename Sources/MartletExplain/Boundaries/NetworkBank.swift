import MartletCore
import MartletModels
import MartletNN

/// Many small networks side by side, each with its own start: two inputs, one hidden layer of tanh units or none, one logit. They
/// train together and do not see each other.
final class NetworkBank: Module {
    let count: Int
    let hidden: Int
    private let weight1: Parameter?
    private let bias1: Parameter?
    private let weight2: Parameter
    private let bias2: Parameter

    init(_ count: Int, hidden: Int) {
        self.count = count
        self.hidden = hidden
        let start = Initializer.normal(deviation: 1), width = hidden == 0 ? 2 : hidden
        weight1 = hidden == 0 ? nil : Parameter(start([count, hidden, 2]))
        bias1 = hidden == 0 ? nil : Parameter(start([count, 1, hidden]))
        weight2 = Parameter(start([count, 1, width]))
        bias2 = Parameter(start([count, 1, 1]))
    }

    var parts: Parts { ["weight1": weight1, "bias1": bias1, "weight2": weight2, "bias2": bias2] }

    /// The logits [count, n, 1] of points [n, 2].
    func callAsFunction(_ points: Tensor) -> Tensor {
        var x = points.reshaped([1] + points.shape).broadcast(to: [count] + points.shape)
        if let weight1, let bias1 { x = (matmul(x, weight1.value.transposed()) + bias1.value).tanh() }
        return matmul(x, weight2.value.transposed()) + bias2.value
    }

    /// What became of each start.
    struct Outcome {
        var losses: [Double]
        /// The share of points that each network gets right.
        var accuracies: [Double]
        /// The network of the lowest loss.
        var best: Int { losses.indices.min { losses[$0] < losses[$1] } ?? 0 }
        /// How many get every point right.
        var solved: Int { accuracies.count { $0 == 1 } }
    }

    func train(on data: PlanePoints, steps: Int, learningRate: Float) throws -> Outcome {
        let optimizer = Adam(parameters, learningRate: learningRate), inputs = data.inputs, signs = data.signs
        for _ in 0..<steps {
            let (_, gradients) = valueAndGradient(of: self) { logisticLoss($0(inputs), signs).mean([1, 2]).sum() }
            optimizer.step(gradients)
        }
        let logits = withoutGradients { self(inputs) }
        let losses = try logisticLoss(logits, signs).mean([1, 2]).floats().map(Double.init)
        let right = try ((logits * signs) .> Tensor(0)).mean([1, 2]).floats().map(Double.init)
        return Outcome(losses: losses, accuracies: right)
    }

    /// One of the networks by itself.
    func network(_ index: Int) throws -> MLP {
        let model = MLP(inputs: 2, hidden: hidden == 0 ? [] : [hidden], outputs: 1, activation: "tanh")
        for (parameter, source) in zip(model.parameters, parameters) {
            let values = try source.value.detached.sliced(axis: 0, index..<index + 1).floats()
            parameter.value = Tensor(values, shape: parameter.shape)
        }
        return model
    }
}
