import MartletCore
import MartletNN
import MartletTraining

extension ComparedCase {
    /// Parameters and gradients are streams 2 i and 2 i + 1. What is compared is those of at most 2^20 elements after three steps.
    func optimizerWorkload(_ device: any Device) throws -> Workload {
        let shapes = try shapes(1...10_000), total = shapes.reduce(0) { $0 + $1.reduce(1, *) }
        let parameters = shapes.indices.map { Parameter(ComparedInput.floats(shapes[$0], stream: 2 * $0, on: device)) }
        let optimizer: Optimizer, states: Int
        switch operation {
        case "momentum": (optimizer, states) = (SGD(parameters, learningRate: 1e-3, momentum: 0.9), 1)
        case "adam": (optimizer, states) = (Adam(parameters, learningRate: 1e-3), 2)
        default: throw refusal("no optimizer '\(operation ?? "")'")
        }
        var gradients = Gradients()
        for (index, parameter) in parameters.enumerated() {
            gradients[parameter] = ComparedInput.floats(shapes[index], stream: 2 * index + 1, on: device)
        }
        let run = { [gradients] in optimizer.step(gradients) }
        // Read the gradient, read and write the parameter and each state.
        return Workload(bytes: Double(4 * total * (3 + 2 * states)), run: run) {
            for _ in 0..<3 { run() }
            return parameters.map(\.value).filter { $0.count <= 1 << 20 }
        }
    }

    /// What is compared is the loss of three steps and the norm of every parameter after the first: a first step is the same
    /// but for rounding, while later ones drift apart where a rounded value falls on the other side of a ReLU's or a window's edge.
    func trainStepWorkload(_ device: any Device) throws -> Workload {
        let step = try TrainStep(operation ?? "", on: device)
        return Workload(operations: step.operations ?? 0, run: { step.run() }) {
            let first = step.run().evaluated(), norms = step.parameters.map { $0.value.norm().evaluated() }
            return [first] + (0..<2).map { _ in step.run().evaluated() } + norms
        }
    }
}
