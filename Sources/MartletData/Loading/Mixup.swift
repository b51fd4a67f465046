import Foundation

/// Mixes each sample with the next one of its batch, and their classes alike (Zhang et al., "mixup: Beyond empirical risk
/// minimization", 2017). The share of a sample is drawn from the beta distribution of two equal parameters.
public struct Mixup: Augmentation {
    /// The parameters: 1 draws all shares alike, less prefers those near 0 and 1.
    public let alpha: Float

    public init(alpha: Float = 0.2) {
        precondition(alpha > 0 && alpha.isFinite, "Mixup: alpha \(alpha) is not positive")
        self.alpha = alpha
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {}

    public func mix(_ batch: inout Batch, random: (Int) -> SampleRandom) {
        precondition(batch.labels.count == batch.count, "Mixup: for samples with classes")
        let shares = batch.indices.map { index in
            var random = random(index)
            return random.beta(alpha)
        }
        let (count, size) = (batch.count, batch.inputs.count / max(batch.count, 1))
        batch.inputs.withUnsafeMutableBufferPointer { values in
            // The last one is mixed with the first as it was.
            let first = Array(values.prefix(size))
            first.withUnsafeBufferPointer { first in
                for row in 0..<count {
                    let share = shares[row]
                    let other =
                        row + 1 < count ? UnsafeBufferPointer(rebasing: values[(row + 1) * size..<(row + 2) * size]) : first
                    for position in 0..<size {
                        let own = values[row * size + position]
                        values[row * size + position] = share * own + (1 - share) * other[position]
                    }
                }
            }
        }
        batch.mixed = Batch.Mixing(labels: Array(batch.labels.dropFirst() + batch.labels.prefix(1)), shares: shares)
    }
}

extension SampleRandom {
    /// A normal number of mean 0 and deviation 1 (Box and Muller, 1958).
    public mutating func normal() -> Float {
        let radius = (-2 * log(1 - Double(uniform()))).squareRoot()
        return Float(radius * cos(2 * Double.pi * Double(uniform())))
    }

    /// A number of the beta distribution of two equal parameters: the share of one in the sum of two gamma numbers.
    public mutating func beta(_ alpha: Float) -> Float {
        let logs = (logGamma(Double(alpha)), logGamma(Double(alpha)))
        // In logarithms, since small parameters make numbers too small to divide.
        return Float(1 / (1 + exp(logs.1 - logs.0)))
    }

    /// The logarithm of a number of the gamma distribution (Marsaglia and Tsang, "A simple method for generating gamma variables",
    /// 2000).
    private mutating func logGamma(_ shape: Double) -> Double {
        if shape < 1 {
            let boost = log(1 - Double(uniform())) / shape
            return logGamma(shape + 1) + boost
        }
        let d = shape - 1.0 / 3, c = 1 / (9 * d).squareRoot()
        while true {
            let x = Double(normal()), v = 1 + c * x
            guard v > 0 else { continue }
            let cube = v * v * v
            if log(1 - Double(uniform())) < 0.5 * x * x + d - d * cube + d * log(cube) { return log(d * cube) }
        }
    }
}
