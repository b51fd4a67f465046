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
    /// The settings with what photos need where nothing is said of it: a network for photos takes them in ImageNet's normalisation.
    /// - Parameter data: the data's specification; nil for photos by themselves.
    public static func completed(_ settings: Settings, for model: ModelDescription, data: String?) throws -> Settings {
        guard model.isForPhotos, settings.values["mean"] == nil, settings.values["std"] == nil, settings.values["channels"] != "1"
        else { return settings }
        if let data {
            guard case .folder = try DataSpec.parse(data) else { return settings }
        }
        var result = settings
        result.values["mean"] = "imagenet"
        return result
    }
}
