import Synchronization

/// An operation that was recorded for the backward pass, or a variable (which has no inputs).
package final class GradientNode {
    /// Grows with time, so that a node's inputs have smaller numbers than it has.
    let order: Int
    private(set) var inputs: [GradientNode?]
    private var backward: Backward?

    /// From the gradient of the result, the gradients of the inputs; nil for those that `needed` does not ask for.
    package typealias Backward = (_ gradient: consuming Tensor, _ needed: [Bool]) -> [Tensor?]

    private static let counter = Atomic<Int>(0)

    package init(inputs: [GradientNode?] = [], backward: Backward? = nil) {
        order = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
        self.inputs = inputs
        self.backward = backward
    }

    /// Runs the backward function once, letting go of all it kept.
    func propagate(_ gradient: consuming Tensor) -> [(GradientNode, Tensor)] {
        guard let run = backward else { return [] }
        backward = nil
        let gradients = run(consume gradient, inputs.map { $0 != nil })
        return zip(inputs, gradients).compactMap { node, gradient in
            guard let node, let gradient else { return nil }
            return (node, gradient)
        }
    }

    /// A long chain is let go link by link: released recursively it would overflow the stack.
    deinit {
        var chain = inputs.compactMap { $0 }
        inputs = []
        while var node = chain.popLast() {
            if isKnownUniquelyReferenced(&node) {
                chain.append(contentsOf: node.inputs.compactMap { $0 })
                node.inputs = []
            }
        }
    }
}

/// Whether operations are recorded.
package enum Recording {
    @TaskLocal package static var isOn = false
}

/// Runs a body whose operations take no part in gradients.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Recording.$isOn.withValue(false, operation: body)
}

extension Tensor {
    /// The tensor as the result of an operation on `inputs`, recorded where gradients are wanted. `backward` must hold
    /// detached tensors only.
    package func recorded(_ inputs: [Tensor], named operation: String = #function, _ backward: @escaping GradientNode.Backward)
        -> Tensor
    {
        FiniteCheck.current?.examine(self, operation)
        guard inputs.contains(where: { $0.node != nil }), Recording.isOn else { return self }
        var copy = self
        copy.node = GradientNode(inputs: inputs.map(\.node), backward: backward)
        return copy
    }

    /// The same values as a variable that gradients can be taken with respect to.
    package func asVariable(_ node: GradientNode = GradientNode()) -> Tensor {
        var copy = self
        copy.node = node
        return copy
    }
}

/// The gradients of a scalar result with respect to variables; nil for those it does not depend on.
package func gradients(of result: Tensor, for variables: [GradientNode]) -> [Tensor?] {
    guard let root = result.node else { return variables.map { _ in nil } }
    var gradients: [ObjectIdentifier: Tensor] = [ObjectIdentifier(root): Tensor(repeating: 1, shape: result.shape)]
    let wanted = Set(variables.map(ObjectIdentifier.init))
    // Numbers that the backward pass makes (the 1 it begins with, zeros) go to the result's device.
    let device = result.device ?? DefaultDevice.scoped
    DefaultDevice.$scoped.withValue(device) {
        Recording.$isOn.withValue(false) { propagateAll() }
    }
    return variables.map { gradients[ObjectIdentifier($0)] }

    func propagateAll() {
        for node in reachable(from: root) {
            let key = ObjectIdentifier(node)
            guard let gradient = gradients[key] else { continue }
            if !wanted.contains(key) { gradients[key] = nil }
            for (input, part) in node.propagate(consume gradient) {
                let inputKey = ObjectIdentifier(input)
                gradients[inputKey] = gradients[inputKey].map { $0 + part } ?? part
            }
        }
    }
}

/// All nodes a result depends on, newest first.
private func reachable(from root: GradientNode) -> [GradientNode] {
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var found = [root], next = 0
    while next < found.count {
        for input in found[next].inputs {
            if let input, seen.insert(ObjectIdentifier(input)).inserted { found.append(input) }
        }
        next += 1
    }
    return found.sorted { $0.order > $1.order }
}

/// The value of a function of tensors and its gradients. The function's result must be a single number.
public func valueAndGradient(
    at inputs: [Tensor], file: StaticString = #fileID, line: UInt = #line,
    _ function: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, gradients: [Tensor]) {
    let variables = inputs.map { _ in GradientNode() }
    let value = try Recording.$isOn.withValue(true) { try function(zip(inputs, variables).map { $0.asVariable($1) }) }
    require(value.count == 1, "valueAndGradient", "the result has shape \(value.shape), not one element", file, line)
    let found = gradients(of: value, for: variables)
    return (value.detached, zip(inputs, found).map { $1 ?? Tensor.zeros($0.shape) })
}
