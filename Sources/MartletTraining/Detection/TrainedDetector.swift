import MartletCore
import MartletData
import MartletModels
import MartletNN

/// A detector ready to use.
public struct TrainedDetector {
    let network: any ObjectDetector
    let recipe: DetectionRecipe
    public let classes: [String]

    static let svd = Settings.Key(
        "svd", "",
        "singular values kept of the heads' two dense layers, such as 256,128: faster, and a little less precise; empty for the layers as they are"
    )

    /// Loads a run's best weights, or a model with a weight file, onto the default device.
    ///
    /// - Parameters:
    ///   - fallback: the data and its classes, where the source is a weight file, which does not tell them.
    ///   - use: those of the workload's `usageSettings` that are given.
    public init(
        _ source: TrainedSource, classes fallback: (data: DataSpec, names: [String])?, _ use: Settings = Settings()
    ) throws {
        let description = try source.model()
        guard let method = (description.workload as? DetectionWorkload)?.method else {
            throw TrainingError(.input, "\(description.name): finds no objects; give a detector such as faster-rcnn")
        }
        switch source {
        case .run(let folder, let configuration):
            classes = configuration.classes
            let spec = try DataSpec.parse(configuration.data)
            recipe = try DetectionRecipe(method, Settings(configuration.settings), data: spec)
            network = try blaming(folder.configurationPath) { [recipe, classes] in try recipe.build(classes: classes.count) }
            try ModelState.load(try folder.weights(), into: network)
            if let network = network as? RCNN, try !network.isFitted() {
                throw TrainingError(
                    .input,
                    "\(folder.path): R-CNN's second stage has not come to its end; go on with it by --resume \(folder.path)"
                )
            }
        case .weights(_, let path, let given):
            try given.check(against: description.settings, of: description.name)
            let file = try WeightFile.read(path)
            // The last layer says how many classes there are; R-CNN's machines do without the background.
            let layer = method == .regions ? "svm.bias" : "roi_heads.box_predictor.cls_score.bias"
            let outputs = (file[layer]?.shape.first ?? 0) + (method == .regions ? 1 : 0)
            guard outputs >= 2 else {
                throw TrainingError(.input, "\(path): has no \(layer); give weights of \(description.name)")
            }
            if let fallback, fallback.names.count != outputs - 1 {
                throw TrainingError(
                    .input, "\(path): tells \(outputs - 1) classes apart, where \(fallback.data) has \(fallback.names.count)")
            }
            classes = fallback?.names ?? (1..<outputs).map { "class \($0)" }
            recipe = try DetectionRecipe(method, given, data: fallback?.data ?? .voc(""))
            network = try recipe.build(classes: outputs - 1)
            try ModelState.load(file, into: network)
        }
        try compress(use)
    }

    /// Truncates the heads' dense layers where asked.
    private func compress(_ use: Settings) throws {
        let text = use.string(Self.svd)
        if text.isEmpty { return }
        guard let heads = (network as? FastRCNN)?.heads ?? (network as? FasterRCNN)?.heads else {
            throw TrainingError(.input, "--set svd=\(text): this detector has no dense layers; leave it out")
        }
        let ranks = try use.integers(Self.svd, in: 1...heads.width)
        guard ranks.count == 2 else {
            throw TrainingError(.input, "--set svd=\(text): give two whole numbers from 1 to \(heads.width), such as 256,128")
        }
        try heads.compress(ranks: (ranks[0], ranks[1]))
    }

    /// What is found in an image, the surest first.
    public func detect(_ image: Image) throws -> [DetectedObject] {
        let prepared = recipe.prepare(image.rgb(), [], augmented: nil)
        let regions = network.needsProposals ? prepared.regions(recipe.search.boxes(in: image)) : []
        let (tensor, sizes) = recipe.batch([prepared])
        return try network.detect(network.observe(tensor, sizes: sizes), proposals: [regions]).found[0].map {
            prepared.original($0)
        }
    }
}
