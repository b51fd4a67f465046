import MartletModels

/// What R-CNN has beside the other detectors: the paper's thresholds, and a lighter recipe, from settings.
struct RCNNRecipe: Sendable {
    static let recipe = Settings.Key(
        "recipe", "light",
        "light: 400 proposals an image, 4000 regions an epoch, maps averaged to 2 x 2 for features; paper: 2000, 1280000, and maps as they are"
    )
    static let crops = Settings.Key("crops", "", "regions shown in an epoch of fine-tuning; empty for the recipe's")
    static let cropSize = Settings.Key("crop_size", "227", "height and width that regions are warped to")
    static let context = Settings.Key("context", "16", "pixels of a warped region around the proposal, on each side")
    static let positions = Settings.Key(
        "positions", "", "rows and columns that maps are averaged to before they are features, 0 for none; empty for the recipe's"
    )
    static let foreground = Settings.Key(
        "positive_overlap", "0.5", "the least overlap with an object of a region that shows it in fine-tuning")
    static let positives = Settings.Key("positives", "0.25", "share of a step's regions that show objects: 32 of 128")
    static let negative = Settings.Key(
        "svm_negative", "0.3", "a region that overlaps all of a class's objects by less is a negative of its machine")
    static let cost = Settings.Key("svm_c", "0.001", "what a mistake of a machine costs")
    static let positiveWeight = Settings.Key("svm_positive_weight", "2", "how much more one on a positive costs")
    static let bias = Settings.Key("svm_bias", "10", "the constant feature that a machine's bias belongs to")
    static let norm = Settings.Key("feature_norm", "20", "what features are scaled to have for a mean length")
    static let hard = Settings.Key("svm_hard", "-1", "negatives with a margin above this are kept as hard ones")
    static let regressionOverlap = Settings.Key(
        "regression_overlap", "0.6", "a proposal that overlaps an object by more teaches how boxes are moved")
    static let ridge = Settings.Key("regression_lambda", "1000", "the ridge of the regression of boxes")

    static let keys = [
        recipe, crops, cropSize, context, positions, foreground, positives, negative, cost, positiveWeight, bias, norm, hard,
        regressionOverlap, ridge,
    ]

    let isLight: Bool
    /// Regions of an epoch.
    let crops: Int
    let svmNegative: Float
    let svm: LinearSVM.Options
    let featureNorm: Float
    let hardMargin: Float
    let regressionOverlap: Float
    let ridge: Double
    /// The network's part of it.
    let options: RCNN.Options

    var proposals: Int { isLight ? 400 : 2000 }

    init(_ settings: Settings) throws {
        let isLight = try settings.choice(Self.recipe, of: ["light", "paper"]) == "light"
        func given(_ key: Settings.Key, _ light: Int, _ paper: Int, in range: ClosedRange<Int>) throws -> Int {
            settings.string(key).isEmpty ? (isLight ? light : paper) : try settings.integer(key, in: range)
        }
        self.isLight = isLight
        crops = try given(Self.crops, 4000, 1_280_000, in: 1...100_000_000)
        var options = RCNN.Options()
        options.cropSize = try settings.integer(Self.cropSize, in: 64...1024)
        options.context = try settings.integer(Self.context, in: 0...256)
        guard 2 * options.context < options.cropSize else {
            throw TrainingError(
                .input,
                "--set context=\(options.context): leaves nothing of a region of \(options.cropSize) pixels; give less than "
                    + "\((options.cropSize + 1) / 2)")
        }
        options.positions = try given(Self.positions, 2, 0, in: 0...64)
        options.foreground = Float(try settings.number(Self.foreground, in: 0...1))
        options.positives = Float(try settings.number(Self.positives, in: 0...1))
        self.options = options
        svmNegative = Float(try settings.number(Self.negative, in: 0...1))
        svm = LinearSVM.Options(
            cost: Float(try settings.number(Self.cost, in: 1e-9...1e6)),
            positiveWeight: Float(try settings.number(Self.positiveWeight, in: 1e-6...1e6)),
            bias: Float(try settings.number(Self.bias, in: 0...1e6)))
        featureNorm = Float(try settings.number(Self.norm, in: 1e-6...1e6))
        hardMargin = Float(try settings.number(Self.hard, in: -1e6...1))
        regressionOverlap = Float(try settings.number(Self.regressionOverlap, in: 0...1))
        ridge = try settings.number(Self.ridge, in: 1e-9...1e12)
    }
}
