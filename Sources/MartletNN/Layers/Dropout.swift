import MartletCore

/// In training, sets each element to 0 with a probability and divides the others by what is left; else does nothing. Srivastava et
/// al., 2014.
public final class Dropout: TrainingDependent {
    public let probability: Float

    public init(_ probability: Float = 0.5) {
        precondition(probability >= 0 && probability < 1, "Dropout: probability \(probability), not from 0 to below 1")
        self.probability = probability
    }

    public var dependsOnTraining: Bool { probability > 0 }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard TrainingMode.isOn, probability > 0 else { return x }
        let kept = 1 - probability
        let mask = Tensor.random(
            .bernoulli(probability: kept, scale: 1 / kept), shape: x.shape, key: Randomness.nextKey(),
            on: x.device)
        return x * mask
    }
}
