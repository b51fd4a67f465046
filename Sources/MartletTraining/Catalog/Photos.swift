import MartletData

extension ModelDescription {
    /// Whether it is one of the networks for photos, whose pretrained weights are as a rule ImageNet's.
    public var isForPhotos: Bool { ModelCatalog.photoModels.contains { $0.name == name } }

    /// How many classes the weights of such a network tell apart; nil where its last layer is not there.
    public static func outputs(of weights: WeightFile) -> Int? {
        func position(_ name: String) -> Int? {
            let parts = name.split(separator: ".").drop { $0 == "module" }
            if parts.elementsEqual(["fc", "bias"]) { return 0 }
            guard parts.count == 3, parts.first == "classifier", parts.last == "bias" else { return nil }
            return Int(parts[parts.startIndex + 1])
        }
        let found = weights.entries.compactMap { entry in position(entry.name).map { (position: $0, entry: entry) } }
        return found.max { $0.position < $1.position }?.entry.shape.first
    }
}

extension DataRecipe {
    /// The settings with what photos need where nothing is said of it: a network for photos takes them in ImageNet's normalisation, out of
    /// the middle of a short side of 256 pixels for sizes from 224 on.
    /// - Parameter data: the data's specification; nil for photos by themselves.
    public static func completed(_ settings: Settings, for model: ModelDescription, data: String?) throws -> Settings {
        guard model.isForPhotos else { return settings }
        if let data {
            guard case .folder = try DataSpec.parse(data) else { return settings }
        }
        var result = settings
        func isOpen(_ key: String) -> Bool { settings.values[key, default: ""].isEmpty }
        if isOpen("mean"), isOpen("std"), settings.values["channels"] != "1" { result.values["mean"] = "imagenet" }
        if isOpen("short_side"), let size = try size(settings), (224...256).contains(size) { result.values["short_side"] = "256" }
        return result
    }
}
