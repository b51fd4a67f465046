import MartletData
import MartletModels
import MartletNN

/// A model of text with its tokenizer, loaded onto the default device: a run's best weights, or a weight file with a tokenizer that is
/// named beside it.
struct LoadedTextModel<Network> {
    let network: Network
    let tokenizer: Tokenizer
    let settings: Settings
    /// The data of the run; nil for a weight file.
    let data: String?
    let batchSize: Int

    /// - Parameters:
    ///   - key: the setting that says which tokenizer.
    ///   - module: the model as what weights are loaded into.
    ///   - make: makes the model for so many tokens.
    init(
        _ source: TrainedSource, tokenizer key: Settings.Key, module: (Network) -> any Module,
        make: (Settings, Int) throws -> Network
    ) throws {
        switch source {
        case .run(let folder, let configuration):
            let settings = Settings(configuration.settings), tokenizer = try TokenizerRecipe.load(folder)
            network = try blaming(folder.configurationPath) { try withSeed(0) { try make(settings, tokenizer.vocabularySize) } }
            (data, batchSize, self.settings, self.tokenizer) = (configuration.data, configuration.batchSize, settings, tokenizer)
            try ModelState.load(try folder.weights(), into: module(network))
        case .weights(let description, let path, let given):
            try given.check(against: description.settings + description.workload.settings, of: description.name)
            let kind = given.string(key)
            guard !["char", "byte", "bpe"].contains(kind) else {
                throw TrainingError(
                    .input, "--model \(description.name): weights do not say which tokens they know; give --set tokenizer=FILE")
            }
            let tokenizer = try Tokenizer(reading: kind)
            network = try withSeed(0) { try make(given, tokenizer.vocabularySize) }
            (data, batchSize, settings, self.tokenizer) = (nil, description.defaults.batchSize, given, tokenizer)
            try ModelState.load(try WeightFile.read(path), into: module(network))
        }
    }
}
