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

    private static let interpolation = Settings.Key(
        "interpolation", "", "how photos are resized: \(Interpolation.allCases.map(\.rawValue).joined(separator: ", "))")
    private static let fastDecode = Settings.Key(
        "fast_decode", "false", "decode large JPEG files at a part of their size: faster, and not quite the same values")
    private static let strict = Settings.Key("strict", "false", "refuse bad photos in place of leaving them out (--strict)")

    /// The settings that data has.
    public static let keys =
        AugmentationRecipe.keys + [
            imageSize, shortSide, channels, mean, std, label, header, standardize, validation, interpolation, fastDecode, strict,
        ]

    /// How training samples are varied; nil for not at all.
    public static func augmentation(_ settings: Settings, for data: any Dataset) throws -> (any Augmentation)? {
        try AugmentationRecipe.augmentation(
            settings, for: data, normalization: try normalization(settings),
            interpolation: try interpolation(settings) ?? .bilinear)
    }

    /// Reads the data that a specification names.
    ///
    /// - Parameters:
    ///   - standardSize: the image size of embedded digits and of photos where none is set; nil for the data's own.
    ///   - badPhotos: what becomes of photos that cannot be read, unless the settings ask to be strict.
    public static func load(
        _ spec: String, _ settings: Settings, standardSize: Int?, seed: UInt64, badPhotos: BadPhotos = .unchecked
    ) throws -> DatasetSplits {
        let spec = try DataSpec.parse(spec)
        return try spec.load(options(spec, settings, standardSize: standardSize, seed: seed, badPhotos: badPhotos))
    }

    /// Reads data to its end as training would, and tells all that is wrong with it.
    public static func check(_ spec: String, _ settings: Settings, progress: @Sendable (Int, Int) -> Void) throws -> DataCheck {
        let spec = try DataSpec.parse(spec)
        try settings.check(against: keys, of: "data")
        return try spec.check(
            options(spec, settings, standardSize: nil, seed: 0, badPhotos: .leaveOut), progress: progress)
    }

    /// How the settings have data read.
    public static func options(
        _ spec: DataSpec, _ settings: Settings, standardSize: Int?, seed: UInt64, badPhotos: BadPhotos = .unchecked
    ) throws -> DataOptions {
        var options = DataOptions(seed: Int(truncatingIfNeeded: seed))
        switch spec {
        case .digits, .folder: options.imageSize = standardSize
        case .mnist, .cifar10, .csv, .text, .pairs, .scenes, .voc, .coco: break
        }
        if let size = try size(settings) { options.imageSize = size }
        if isSet(shortSide, settings) { options.shortSide = try settings.integer(shortSide, in: 1...8192) }
        if isSet(channels, settings) { options.channels = try settings.integer(channels, in: 1...3) }
        options.normalization = try normalization(settings)
        if isSet(label, settings) { options.csv.label = settings.string(label) }
        if isSet(header, settings) { options.csv.hasHeader = try settings.bool(header) }
        options.standardize = try settings.bool(standardize)
        if isSet(validation, settings) { options.validation = try settings.number(validation, in: 1e-6...0.999999) }
        if case .folder = spec {
            options.interpolation = try interpolation(settings)
        } else if isSet(interpolation, settings), !AugmentationRecipe.crops(settings) {
            throw TrainingError(.input, "--set interpolation: is for folders of photos and for --set crop=SHARE")
        }
        options.decodesFast = try settings.bool(fastDecode)
        options.badPhotos = badPhotos
        // A run that is gone on with was checked when it began.
        if try settings.bool(strict) { options.badPhotos = badPhotos == .leaveOut ? .refuse : .unchecked }
        return options
    }

    private static func interpolation(_ settings: Settings) throws -> Interpolation? {
        guard isSet(interpolation, settings) else { return nil }
        return Interpolation(rawValue: try settings.choice(interpolation, of: Interpolation.allCases.map(\.rawValue)))
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
        let spec = try data.map { try DataSpec.parse($0) } ?? .folder(".")
        if case .folder = spec, shape[1] == shape[2] {
            let side = isSet(shortSide, settings) ? try settings.integer(shortSide, in: 1...8192) : nil
            let preparation = try ImagePreparation(
                size: shape[1], shortSide: side, channels: shape[0], normalization: try normalization(settings),
                interpolation: try interpolation(settings) ?? .bilinear, decodesFast: try settings.bool(fastDecode))
            return try preparation.sample(file: path)
        }
        return try Image.read(path).converted(toChannels: shape[0]).resized(width: shape[2], height: shape[1]).floats(
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
