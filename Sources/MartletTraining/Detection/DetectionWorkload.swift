import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Finding objects in images.
public struct DetectionWorkload: Workload {
    let method: DetectionRecipe.Method

    public var settings: [Settings.Key] { [] }
    public var evaluationSettings: [Settings.Key] { DetectionFigures.keys + usageSettings }
    public var usageSettings: [Settings.Key] { method == .regions ? [] : [TrainedDetector.svd] }
    public var standardData: String { "scenes" }

    public func prepare(_ plan: TrainingPlan) throws -> PreparedTraining {
        let spec = try Self.spec(plan.data, plan.model)
        let data = try spec.loadDetection(seed: Int(truncatingIfNeeded: plan.seed))
        let recipe = try DetectionRecipe(method, plan.settings, data: spec)
        let classes = data.training.classNames
        let build = { try withSeed(plan.seed) { try recipe.build(classes: classes.count) } }
        let detector = try plan.resumed.map { try blaming($0.configurationPath, build) } ?? build()
        if plan.resumed == nil { try recipe.loadBackbone(into: detector) }
        let task: any TrainingTask
        if let regions = recipe.regions, let detector = detector as? RCNN {
            task = try RCNNTask(
                detector, on: data, recipe, regions, batchSize: plan.batchSize, shuffle: plan.shuffle, seed: plan.seed)
        } else {
            task = try DetectionTask(
                detector, on: data, recipe, batchSize: plan.batchSize, shuffle: plan.shuffle, seed: plan.seed)
        }
        let epochs = plan.steps.map { ($0 + task.batchCount - 1) / task.batchCount } ?? plan.epochs
        if try recipe.alternates(), let epochs, epochs < 4 {
            throw TrainingError(
                .input, "--set training=alternating: has four steps, where there are \(epochs) epochs; give --epochs 4 or more")
        }
        let objects = (0..<data.training.count).reduce(0) { $0 + data.training.annotation(at: $1).objects.count }
        let mended = data.mended.isEmpty ? "" : "; \(data.mended.count) boxes mended (see martlet data check)"
        return PreparedTraining(
            task: task, inputShape: [], classes: classes,
            summary: "\(data.training.count) images with \(objects) objects, \(classes.count) classes\(mended)")
    }

    public func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult) {
        let figures = try DetectionFigures(plan.settings), (split, evaluation, classes) = try judge(plan)
        return (split, try figures.result(evaluation, classes: classes))
    }

    /// All that is known of a detector's quality on a part of its data.
    public func judge(_ plan: EvaluationPlan) throws -> (
        split: String, evaluation: DetectionEvaluation, classes: [String]
    ) {
        if let size = plan.batchSize, size != 1 {
            throw TrainingError(.input, "--batch-size \(size): detectors are shown one image at a time; leave it out")
        }
        let detector: TrainedDetector, data: DetectionSplits
        switch plan.source {
        case .run(_, let configuration):
            detector = try TrainedDetector(plan.source, classes: nil, plan.settings)
            let spec = try Self.spec(plan.data ?? configuration.data, try plan.source.model())
            data = try spec.loadDetection(seed: Int(truncatingIfNeeded: configuration.seed))
        case .weights(let description, _, _):
            let spec = try Self.spec(plan.data ?? standardData, description)
            data = try spec.loadDetection()
            detector = try TrainedDetector(plan.source, classes: (spec, data.training.classNames), plan.settings)
        }
        let part: any DetectionDataset, split: String
        if let name = plan.split {
            (part, split) = (try data.part(named: name), name)
        } else if let test = data.test {
            (part, split) = (test, "test")
        } else if let validation = data.validation {
            (part, split) = (validation, "val")
        } else {
            throw TrainingError(.input, "the data has neither a test nor a val part; give --split train")
        }
        guard detector.classes.starts(with: part.classNames) else {
            throw TrainingError(
                .input,
                "\(part.name): its classes \(part.classNames.prefix(6)) are not the model's, \(detector.classes.prefix(6))")
        }
        let evaluation = try DetectionEvaluation.run(
            detector.network, on: part, detector.recipe, ProposalCache(detector.recipe.search))
        return (split, evaluation, detector.classes)
    }

    static func spec(_ text: String, _ model: ModelDescription) throws -> DataSpec {
        let spec = try DataSpec.parse(text)
        guard spec.isDetection else {
            throw TrainingError(
                .input, "\(model.name): the data \(spec) has no boxes; give scenes, voc:DIR or coco:ANNOTATIONS.json,IMAGES")
        }
        return spec
    }
}

extension ModelCatalog {
    static let detectors = [
        detector(
            .regions,
            "R-CNN, finds objects in images: selective search proposes regions, and a network looks at each of them by itself",
            .init(epochs: 5, batchSize: 128, optimizer: "adam", learningRate: 3e-4, schedule: "cosine")),
        detector(
            .fast,
            "Fast R-CNN, finds objects in images: selective search proposes regions, one pass over the image says what they show"),
        detector(
            .faster, "Faster R-CNN, finds objects in images: a network proposes regions, another says what they show"),
    ]

    private static func detector(
        _ method: DetectionRecipe.Method, _ summary: String,
        _ defaults: ModelDescription.Recipe = .init(
            epochs: 20, batchSize: 4, optimizer: "adam", learningRate: 1e-3, schedule: "cosine")
    ) -> ModelDescription {
        ModelDescription(
            name: method.rawValue, summary: summary, needs: "images with boxes (scenes, voc:DIR, coco:ANNOTATIONS.json,IMAGES)",
            settings: DetectionRecipe.keys(method), defaults: defaults, workload: DetectionWorkload(method: method))
    }
}
