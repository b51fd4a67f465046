import MartletCore

/// Something that modules are made of: parameters, buffers and other modules.
public protocol Part: AnyObject {}

/// A module's parts by name, in order. Write them as a dictionary literal; parts that are nil are left out.
public struct Parts: ExpressibleByDictionaryLiteral {
    public var named: [(name: String, part: any Part)]

    public init(dictionaryLiteral elements: (String, (any Part)?)...) {
        named = elements.compactMap { name, part in part.map { (name, $0) } }
    }

    public init(_ named: [(name: String, part: any Part)]) { self.named = named }
}

/// A network or a piece of one. It says what its parts are; names, weight files and gradients follow from that.
public protocol Module: Part {
    var parts: Parts { get }
}

/// A module from one tensor to one tensor.
public protocol Layer: Module {
    func callAsFunction(_ x: Tensor) -> Tensor
}

extension Layer {
    /// Layers without parameters need not say so.
    public var parts: Parts { [:] }
}

/// A tensor that training changes.
public final class Parameter: Part {
    private var stored: Tensor
    private let node = GradientNode()
    /// Whether training leaves it as it is. Nothing is recorded below the first parameter that is not frozen.
    public var isFrozen = false

    public init(_ value: Tensor) { stored = value.detached }

    public var shape: [Int] { stored.shape }

    /// The values, as a variable for gradients unless frozen.
    public var value: Tensor {
        get { isFrozen ? stored : stored.asVariable(node) }
        set {
            precondition(newValue.shape == stored.shape, "Parameter of shape \(stored.shape) set to \(newValue.shape)")
            stored = newValue.detached
        }
    }

    var variable: GradientNode { node }

    /// Hands the tensor over without keeping it, so that an update can work in place; `value` must be set again.
    func take() -> Tensor {
        let taken = stored
        stored = Tensor.zeros(taken.shape)
        return taken
    }
}

/// A tensor that belongs to a module's state but has no gradient, such as a running mean.
public final class Buffer: Part {
    public var value: Tensor

    public init(_ value: Tensor) { self.value = value.detached }
}

extension Module {
    /// All parameters with their dotted names, in order.
    public var namedParameters: [(name: String, parameter: Parameter)] {
        walk("").compactMap { name, part in (part as? Parameter).map { (name, $0) } }
    }

    /// All parameters, in order.
    public var parameters: [Parameter] { namedParameters.map(\.parameter) }

    /// All buffers with their dotted names, in order.
    public var namedBuffers: [(name: String, buffer: Buffer)] {
        walk("").compactMap { name, part in (part as? Buffer).map { (name, $0) } }
    }

    /// The number of trained values.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.reduce(1, *) } }

    /// This module and all those that it is made of.
    public var modules: [any Module] {
        [self] + parts.named.flatMap { ($0.part as? any Module)?.modules ?? [] }
    }

    private func walk(_ prefix: String) -> [(String, any Part)] {
        parts.named.flatMap { name, part -> [(String, any Part)] in
            let path = prefix.isEmpty ? name : "\(prefix).\(name)"
            if let module = part as? any Module { return module.walk(path) }
            return [(path, part)]
        }
    }

    /// The module tree, a line a module, with the shapes of its parameters.
    public var summary: String { summaryLines("", indent: "").joined(separator: "\n") }

    private func summaryLines(_ name: String, indent: String) -> [String] {
        let own = parts.named.compactMap { name, part in (part as? Parameter).map { "\(name) \($0.shape)" } }
        let title =
            (name.isEmpty ? "" : "\(name): ") + "\(type(of: self))" + (own.isEmpty ? "" : " (\(own.joined(separator: ", ")))")
        return [indent + title]
            + parts.named.flatMap { name, part in
                (part as? any Module)?.summaryLines(name, indent: indent + "  ") ?? []
            }
    }
}
