import Foundation
import MartletData
import MartletNN

/// Weights that others trained, as the start of a training run.
public enum Pretrained {
    private static let head = Settings.Key(
        "head", "", "new: the last layer begins afresh, for the data's classes, whatever --weights has of it")
    /// The settings it has.
    public static let keys = [head]

    /// Whether the last layer begins afresh.
    ///
    /// - Parameter weights: the file; without one there is nothing that could be replaced.
    static func hasNewHead(_ settings: Settings, weights: String?) throws -> Bool {
        if settings.string(head).isEmpty { return false }
        _ = try settings.choice(head, of: ["new"])
        guard weights != nil else {
            throw TrainingError(
                .input, "--set head=new: there are no weights whose last layer could be replaced; give --weights FILE")
        }
        return true
    }

    /// Puts the weights of a new run into its model.
    ///
    /// - Returns: what was left out of the file or made of its names, for people.
    @discardableResult
    public static func load(_ path: String?, into model: any Module, _ settings: Settings) throws -> [String] {
        let isNew = try hasNewHead(settings, weights: path)
        guard let path else { return [] }
        guard isNew else { return try ModelState.load(try WeightFile.read(path), into: model) }
        guard let head = (model as? any Chain)?.head else {
            throw TrainingError(.input, "--set head=new: this model has no last layer of its own; leave it out")
        }
        return try ModelState.load(try WeightFile.read(path), into: model) { $0.hasPrefix(head.name + ".") }
    }

    /// How a model is fine-tuned where nothing else is asked for.
    ///
    /// - Parameters:
    ///   - isFrozen: whether a part of it stays as it is. Then photos are not varied, so that features can be kept. Else the layers that
    ///     were trained before move little, and a new last one more.
    ///   - settings: those that were given; they tell whether the last layer is new.
    ///   - data: photos are normalised as those were that the weights saw: as the weights' run says, where they lie in one, else as for
    ///     ImageNet.
    public static func recipe(
        of model: ModelDescription, weights: String, isFrozen: Bool, data: DataSpec, given settings: [String: String]
    ) -> ModelDescription.Recipe {
        guard model.classifier?.imageSize == 224 else { return model.defaults }
        var recipe = ModelDescription.Recipe(
            epochs: isFrozen ? 20 : 12, batchSize: isFrozen ? 32 : 16, optimizer: isFrozen ? "adam" : "adamw",
            learningRate: isFrozen ? 1e-3 : 2e-5, schedule: "cosine")
        if !isFrozen, settings[head.name] == "new" { recipe.settings["head_rate"] = "50" }
        switch data {
        case .folder, .cifar10:
            recipe.settings.merge(normalization(of: weights)) { $1 }
            if !isFrozen { recipe.settings.merge(["crop": "0.5", "flip": "0.5"]) { $1 } }
        default: break
        }
        return recipe
    }

    private static func normalization(of weights: String) -> [String: String] {
        let folder = URL(fileURLWithPath: weights).deletingLastPathComponent().path
        guard let run = try? RunConfiguration(reading: folder + "/config.yaml") else { return ["mean": "imagenet"] }
        return run.settings.filter { ["mean", "std"].contains($0.key) }
    }
}
