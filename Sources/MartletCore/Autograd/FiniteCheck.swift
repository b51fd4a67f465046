/// Looks at the result of every recorded operation and remembers the first that holds a NaN or an infinity. Slow: it reads each
/// result; a step whose loss was not finite is run again under it to name the culprit.
package final class FiniteCheck {
    /// The operation and the shape of its result.
    package private(set) var finding: String?

    @TaskLocal private static var scoped: Box?
    private struct Box: @unchecked Sendable { let check: FiniteCheck }

    static var current: FiniteCheck? { scoped?.check }

    package init() {}

    /// Runs a body under the check.
    package func watch<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Self.$scoped.withValue(Box(check: self), operation: body)
    }

    func examine(_ tensor: Tensor, _ operation: String) {
        guard finding == nil, tensor.type == .float32 else { return }
        let values = Self.$scoped.withValue(nil) { try? tensor.detached.floats() }
        guard let values, let bad = values.first(where: { !$0.isFinite }) else { return }
        let name = operation.prefix { $0 != "(" }
        finding = "\(name), whose result of shape \(tensor.shape) holds \(bad)"
    }
}
