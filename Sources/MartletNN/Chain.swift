import MartletCore

/// A chain's layers by name, in order. Write them as a dictionary literal; layers that are nil are left out.
public struct Links: ExpressibleByDictionaryLiteral {
    public var named: [(name: String, layer: any Layer)]

    public init(dictionaryLiteral elements: (String, (any Layer)?)...) {
        named = elements.compactMap { name, layer in layer.map { (name, $0) } }
    }

    public init(_ named: [(name: String, layer: any Layer)]) { self.named = named }
}

/// A model that is one layer after the other. It can be cut between any two of them: to keep what frozen layers make of a sample, to
/// look at what a layer says, or to take a gradient with respect to it. Parts and the call follow from the links.
public protocol Chain: Layer {
    var links: Links { get }
}

extension Chain {
    public var parts: Parts { Parts(links.named.map { ($0.name, $0.layer) }) }

    /// A convolution that batch normalisation follows is one with it.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        var x = x, rest = links.named[...]
        while let layer = rest.popFirst()?.layer {
            if let convolution = layer as? Conv2D, let norm = rest.first?.layer as? BatchNorm2D {
                x = convolution(x, then: norm, activation: norm.activation)
                rest.removeFirst()
            } else {
                x = layer(x)
            }
        }
        return x
    }

    /// The links, with those that are chains themselves taken apart: `features.0`, `features.2`.
    public var flatLinks: [(name: String, layer: any Layer)] {
        links.named.flatMap { name, layer -> [(name: String, layer: any Layer)] in
            guard let chain = layer as? any Chain else { return [(name, layer)] }
            return chain.flatLinks.map { ("\(name).\($0.name)", $0.layer) }
        }
    }

    /// The last layer with parameters, such as the one whose outputs are a classifier's classes, by its name.
    public var head: (name: String, layer: any Layer)? { flatLinks.last { !$0.layer.parameters.isEmpty } }

    /// The layers before and from a position of `flatLinks` on, as chains of their own. One applied after the other they are the whole.
    public func cut(before position: Int) -> (front: Sequential, back: Sequential) {
        let links = flatLinks
        return (Sequential(named: Array(links[..<position])), Sequential(named: Array(links[position...])))
    }
}
