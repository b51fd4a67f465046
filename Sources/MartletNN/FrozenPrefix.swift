import MartletCore

/// A layer that may behave otherwise in training than outside it: one that drops values, or gathers statistics.
public protocol TrainingDependent: Layer {
    /// Whether it does, as it is set up now.
    var dependsOnTraining: Bool { get }
}

extension Module {
    /// Whether training leaves it as it is: all its parameters are frozen, nothing in it drops values or gathers statistics.
    public var isFixed: Bool {
        parameters.allSatisfy(\.isFrozen) && !modules.contains { ($0 as? any TrainingDependent)?.dependsOnTraining ?? false }
    }
}

/// The layers at the beginning of a chain that training leaves as they are. What they make of a sample is the same in every epoch and
/// need be computed once only; `rest` is trained on it.
public struct FrozenPrefix {
    /// The layers that are fixed.
    public let layers: Sequential
    /// Those behind them. The two are parts of the model itself: what training changes in `rest` is changed there.
    public let rest: Sequential
    /// The name of the first layer of `rest`.
    public let cut: String

    /// The longest prefix of a model whose layers are all fixed; nil where the model is no chain, or where no layer with parameters would
    /// be in front of the cut, or none behind it.
    public init?(of model: any Layer) {
        guard let chain = model as? any Chain else { return nil }
        let links = chain.flatLinks, count = links.prefix { $0.layer.isFixed }.count
        guard count < links.count, links[..<count].contains(where: { !$0.layer.parameters.isEmpty }) else { return nil }
        (layers, rest) = chain.cut(before: count)
        cut = links[count].name
    }

    /// What the fixed layers make of samples. Computed as a training step would, so that the bits are the same too.
    public func features(of x: Tensor) -> Tensor {
        TrainingMode.set(true) { Recording.$isOn.withValue(true) { layers(x).detached } }
    }
}
