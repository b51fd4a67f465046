import MartletData

/// How data is brought to what a model needs, from settings.
public enum DataRecipe {
    private static let imageSize = Settings.Key(
        "image_size", "", "width and height images are brought to; empty for the model's or the data's own")
    private static let shortSide = Settings.Key(
        "short_side", "", "what the shorter side of a photo is resized to before its middle is cut out")
    private static let channels = Settings.Key("channels", "", "1 (grey) or 3 (RGB) for folders of photos")
    private static let mean = Settings.Key("mean", "", "taken off each channel; comma-separated, or imagenet")
    private static let std = Settings.Key("std", "", "each channel is divided by; comma-separated")
    private static let label = Settings.Key("label", "", "the column of a CSV file to predict, by name or number")
    private static let header = Settings.Key("header", "", "whether a CSV file begins with the names of its columns")
    private static let standardize = Settings.Key(
        "standardize", "false", "scale the features of a CSV file to mean 0 and deviation 1")
    private static let validation = Settings.Key("validation", "", "share of the training part held out for validation")

    private static let shift = Settings.Key("shift", "0", "training images are shifted by up to this many pixels each way")
    private static let flip = Settings.Key("flip", "0", "share of training images mirrored left to right")
    private static let crop = Settings.Key("crop", "", "smallest share of a training image that a random crop keeps")

    /// The settings that data has.
    public static let keys = [
        shift, flip, crop, imageSize, shortSide, channels, mean, std, label, header, standardize, validation,
    ]

    /// How training samples are varied; nil for not at all.
    public static func augmentation(_ settings: Settings, shape: [Int]) throws -> (any Augmentation)? {
        var steps: [any Augmentation] = []
        if isSet(crop, settings) { steps.append(RandomResizedCrop(scale: Float(try settings.number(crop, in: 0.01...1))...1)) }
        let pixels = try settings.integer(shift, in: 0...256), mirrored = try settings.number(flip, in: 0...1)
        if pixels > 0 { steps.append(RandomShift(padding: pixels)) }
        if mirrored > 0 { steps.append(RandomHorizontalFlip(probability: Float(mirrored))) }
        if steps.isEmpty { return nil }
        guard shape.count == 3 else {
            throw TrainingError(.input, "--set shift, flip and crop: for images, not samples of shape \(shape)")
        }
        return AugmentationChain(steps)
    }

    /// Reads the data that a specification names.
    ///
    /// - Parameter standardSize: the image size of embedded digits and of photos where none is set; nil for the data's own.
    public static func load(_ spec: String, _ settings: Settings, standardSize: Int?, seed: UInt64) throws -> DatasetSplits {
        let spec = try DataSpec.parse(spec)
        var options = DataOptions(seed: Int(truncatingIfNeeded: seed))
        switch spec {
        case .digits, .folder: options.imageSize = standardSize
        case .mnist, .cifar10, .csv, .text, .pairs: break
        }
        if let size = try size(settings) { options.imageSize = size }
        if isSet(shortSide, settings) { options.shortSide = try settings.integer(shortSide, in: 1...8192) }
        if isSet(channels, settings) { options.channels = try settings.integer(channels, in: 1...3) }
        options.normalization = try normalization(settings)
        if isSet(label, settings) { options.csv.label = settings.string(label) }
        if isSet(header, settings) { options.csv.hasHeader = try settings.bool(header) }
        options.standardize = try settings.bool(standardize)
        if isSet(validation, settings) { options.validation = try settings.number(validation, in: 1e-6...0.999999) }
        return try spec.load(options)
    }

    /// What is applied to the values of images; nil for nothing.
    public static func normalization(_ settings: Settings) throws -> ChannelNormalization? {
        if settings.string(mean) == "imagenet", !isSet(std, settings) { return .imageNet }
        guard isSet(mean, settings) || isSet(std, settings) else { return nil }
        return try ChannelNormalization(mean: try numbers(mean, settings), std: try numbers(std, settings))
    }

    /// The width and height that images are brought to; nil where the settings leave it open.
    public static func size(_ settings: Settings) throws -> Int? {
        isSet(imageSize, settings) ? try settings.integer(imageSize, in: 1...4096) : nil
    }

    /// An image file as a sample of this shape, [c, h, w].
    /// - Parameter data: what the model was trained on; nil for photos.
    public static func image(_ path: String, shape: [Int], _ settings: Settings, data: String?) throws -> [Float] {
        guard shape.count == 3, shape[0] == 1 || shape[0] == 3 else {
            throw TrainingError(.input, "\(path): this model takes samples of shape \(shape), not images")
        }
        let image = try Image.read(path)
        let spec = try data.map { try DataSpec.parse($0) } ?? .folder(".")
        if case .folder = spec, shape[1] == shape[2] {
            let side = isSet(shortSide, settings) ? try settings.integer(shortSide, in: 1...8192) : nil
            let preparation = try ImagePreparation(
                size: shape[1], shortSide: side, channels: shape[0], normalization: try normalization(settings))
            return try preparation.sample(of: image, file: path)
        }
        return image.converted(toChannels: shape[0]).resized(width: shape[2], height: shape[1]).floats(
            normalization: try normalization(settings))
    }

    private static func isSet(_ key: Settings.Key, _ settings: Settings) -> Bool { !settings.string(key).isEmpty }

    private static func numbers(_ key: Settings.Key, _ settings: Settings) throws -> [Float] {
        let parts = settings.string(key).split(separator: ",").map { Float($0) }
        guard !parts.isEmpty, parts.allSatisfy({ $0?.isFinite ?? false }) else {
            throw TrainingError(
                .input, "--set \(key.name)=\(settings.string(key)): give numbers separated by commas, for mean and std alike")
        }
        return parts.compactMap { $0 }
    }
}
