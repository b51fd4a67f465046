import MartletData

/// How training images are varied, from settings. The steps come in the order of `keys`.
enum AugmentationRecipe {
    private static let crop = Settings.Key("crop", "", "smallest share of a training image that a random crop keeps")
    private static let ratio = Settings.Key("ratio", "0.75,1.3333333", "least and greatest width over height of random crops")
    private static let shift = Settings.Key("shift", "0", "training images are shifted by up to this many pixels each way")
    private static let flip = Settings.Key("flip", "0", "share of training images mirrored left to right")
    private static let jitter = Settings.Key(
        "jitter", "", "how much brightness, contrast, saturation and hue of training images vary, such as 0.4,0.4,0.4,0.1")
    private static let lighting = Settings.Key(
        "lighting", "0", "deviation of AlexNet's colour noise along ImageNet's principal components; 0.1 in the paper")
    private static let cutout = Settings.Key("cutout", "0", "width of a square set to 0 at a random place of training images")
    private static let erasing = Settings.Key(
        "erasing", "0", "share of training images in which a random rectangle is set to 0")
    private static let mixup = Settings.Key(
        "mixup", "0", "mix training samples and their classes in pairs, by shares of the beta distribution of this parameter")

    static let keys = [crop, ratio, shift, flip, jitter, lighting, cutout, erasing, mixup]

    /// Whether random crops are asked for.
    static func crops(_ settings: Settings) -> Bool { !settings.string(crop).isEmpty }

    static func augmentation(
        _ settings: Settings, for data: any Dataset, normalization: ChannelNormalization?, interpolation: Interpolation
    ) throws -> (any Augmentation)? {
        var steps: [any Augmentation] = []
        if crops(settings) {
            let ratios = try numbers(ratio, settings, count: 2, in: 0.01...100)
            guard ratios[0] <= ratios[1] else {
                throw TrainingError(.input, "--set ratio=\(settings.string(ratio)): give the least ratio first")
            }
            steps.append(
                RandomResizedCrop(
                    scale: Float(try settings.number(crop, in: 0.01...1))...1, ratio: ratios[0]...ratios[1],
                    interpolation: interpolation))
        } else if settings.values[ratio.name] != nil {
            throw TrainingError(.input, "--set ratio: is for random crops; give --set crop=SHARE too")
        }
        let pixels = try settings.integer(shift, in: 0...256)
        if pixels > 0 { steps.append(RandomShift(padding: pixels)) }
        let mirrored = try settings.number(flip, in: 0...1)
        if mirrored > 0 { steps.append(RandomHorizontalFlip(probability: Float(mirrored))) }
        steps += try colors(settings, normalization)
        let side = try settings.integer(cutout, in: 0...4096)
        if side > 0 { steps.append(Cutout(side: side)) }
        let erased = try settings.number(erasing, in: 0...1)
        if erased > 0 { steps.append(RandomErasing(probability: Float(erased))) }
        let shape = data.sampleShape
        guard steps.isEmpty || shape.count == 3 else {
            let names = keys.map(\.name).filter { $0 != mixup.name && settings.values[$0] != nil }
            throw TrainingError(.input, "--set \(names.joined(separator: ", ")): for images, not samples of shape \(shape)")
        }
        if shape.count == 3, shape[0] != 3, steps.contains(where: { ($0 as? any ColorAugmentation)?.needsRGB ?? false }) {
            throw TrainingError(.input, "--set lighting, and jitter of saturation and hue: for images in colour, not in grey")
        }
        let alpha = try settings.number(mixup, in: 0...100)
        if alpha > 0 {
            guard !data.classNames.isEmpty else { throw TrainingError(.input, "--set mixup: for samples with classes") }
            steps.append(Mixup(alpha: Float(alpha)))
        }
        return steps.isEmpty ? nil : AugmentationChain(steps)
    }

    private static func colors(_ settings: Settings, _ normalization: ChannelNormalization?) throws -> [any Augmentation] {
        var steps: [any Augmentation] = []
        if !settings.string(jitter).isEmpty {
            let amounts = try numbers(jitter, settings, count: 4, in: 0...10)
            guard amounts[3] <= 0.5 else {
                throw TrainingError(.input, "--set jitter=\(settings.string(jitter)): give 0 to 0.5 for the hue")
            }
            steps.append(
                ColorJitter(
                    brightness: amounts[0], contrast: amounts[1], saturation: amounts[2], hue: amounts[3],
                    normalization: normalization))
        }
        let deviation = try settings.number(lighting, in: 0...10)
        if deviation > 0 { steps.append(LightingNoise(deviation: Float(deviation), normalization: normalization)) }
        return steps
    }

    private static func numbers(_ key: Settings.Key, _ settings: Settings, count: Int, in range: ClosedRange<Float>) throws
        -> [Float]
    {
        let parts = settings.string(key).split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
        guard parts.count == count, parts.allSatisfy({ $0.map(range.contains) ?? false }) else {
            throw TrainingError(
                .input,
                "--set \(key.name)=\(settings.string(key)): give \(count) numbers from \(range.lowerBound) to \(range.upperBound), "
                    + "separated by commas")
        }
        return parts.compactMap { $0 }
    }
}
