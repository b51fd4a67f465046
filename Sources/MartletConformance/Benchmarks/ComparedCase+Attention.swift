import MartletCore

extension ComparedCase {
    func attentionWorkload(_ device: any Device) throws -> Workload {
        let shape = try shape(ranks: 4...4), wanted = ["causal", "full"]
        guard let operation, wanted.contains(operation) else {
            throw refusal("operation '\(self.operation ?? "")': \(wanted.joined(separator: " or ")) wanted")
        }
        let options = operation == "causal" ? AttentionOptions.causal : .init()
        let x = (0..<3).map { ComparedInput.floats(shape, stream: $0, on: device) }
        let pairs = Double(shape[0] * shape[1] * shape[2] * shape[2]) / (operation == "causal" ? 2 : 1)
        let product = 2 * pairs * Double(shape[3])
        guard pass == .both else {
            return Workload(operations: 2 * product) { [scaledDotProductAttention(x[0], x[1], x[2], options: options)] }
        }
        let dy = ComparedInput.floats(shape, stream: 3, on: device)
        // Two products forward, five back.
        return Workload(operations: 7 * product) {
            var y: Tensor?
            let gradients = valueAndGradient(at: x) {
                let result = scaledDotProductAttention($0[0], $0[1], $0[2], options: options)
                y = result.detached
                return result.pulled(by: dy)
            }.gradients
            return (y.map { [$0] } ?? []) + gradients
        }
    }
}

extension Tensor {
    /// A number whose gradient with respect to this tensor is `dy`, without the cost of a sum.
    fileprivate func pulled(by dy: Tensor) -> Tensor {
        Tensor(0).recorded([self]) { _, _ in [dy] }
    }
}
