/// Modules named by their positions, as PyTorch's `nn.ModuleList`.
public final class ModuleList: Module {
    public let elements: [any Module]

    public init(_ elements: [any Module]) { self.elements = elements }

    public var parts: Parts { Parts(elements.enumerated().map { (String($0.offset), $0.element) }) }
}
