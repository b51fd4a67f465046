import MartletCore

/// Layers one after the other. Their names are their positions, as in PyTorch, unless given.
public final class Sequential: Chain {
    private let named: [(name: String, layer: any Layer)]

    public init(_ layers: [any Layer]) {
        named = layers.enumerated().map { (String($0.offset), $0.element) }
    }

    public convenience init(_ layers: any Layer...) { self.init(layers) }

    public init(named layers: KeyValuePairs<String, any Layer>) {
        named = layers.map { ($0.key, $0.value) }
    }

    public init(named layers: [(name: String, layer: any Layer)]) { named = layers }

    public var layers: [any Layer] { named.map(\.layer) }

    public var links: Links { Links(named) }
}

/// All axes from one on made one: [n, c, h, w] to [n, c * h * w].
public final class Flatten: Layer {
    private let first: Int

    public init(from first: Int = 1) { self.first = first }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.flattened(from: first) }
}
