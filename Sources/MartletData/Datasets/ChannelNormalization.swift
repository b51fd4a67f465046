/// What makes a channel's values zero-centred with unit spread: (value - mean) / std.
public struct ChannelNormalization: Sendable, Hashable {
    /// One value a channel, or one for all of them.
    public let mean: [Float]
    /// As `mean`; positive.
    public let std: [Float]

    /// The normalisation of networks trained on ImageNet, for RGB in 0...1.
    public static let imageNet = ChannelNormalization(uncheckedMean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

    /// Throws where the counts differ or a std is not positive and finite.
    public init(mean: [Float], std: [Float]) throws(DataError) {
        guard mean.count == std.count, !mean.isEmpty else {
            throw DataError(
                .setting, problem: "a mean of \(mean.count) and a std of \(std.count) values",
                remedy: "give as many of one as of the other, one a channel")
        }
        guard mean.allSatisfy(\.isFinite), std.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw DataError(
                .setting, problem: "the mean \(mean) with the std \(std)", remedy: "give finite means and positive stds")
        }
        self.init(uncheckedMean: mean, std: std)
    }

    private init(uncheckedMean mean: [Float], std: [Float]) {
        self.mean = mean
        self.std = std
    }

    /// Throws where it does not fit images of so many channels.
    package func check(channels: Int) throws(DataError) {
        guard mean.count == 1 || mean.count == channels else {
            throw DataError(
                .setting, problem: "a mean and std of \(mean.count) values for images of \(channels) channels",
                remedy: "give one value, or \(channels)")
        }
    }

    package func apply(_ value: Float, channel: Int) -> Float {
        let (mean, std) = values(channel)
        return (value - mean) / std
    }

    /// The mean and the std of a channel.
    package func values(_ channel: Int) -> (mean: Float, std: Float) {
        let entry = mean.count == 1 ? 0 : channel
        return (mean[entry], std[entry])
    }
}
