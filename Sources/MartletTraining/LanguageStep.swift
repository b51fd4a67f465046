import MartletCore
import MartletModels
import MartletNN

/// A training step of a language model of the catalog in its standard recipe, for timing: as many streams of tokens as a batch has,
/// each as long as the context, from a rule.
final class LanguageStep {
    /// Kinds of tokens: as many as Tiny Shakespeare has characters.
    private static let kinds = 65

    private let model: any LanguageModel
    private let optimizer: Optimizer
    private let tokens: Tensor
    private let labels: [Int32]
    private let device: any Device

    var parameters: [Parameter] { model.parameters }

    /// - Parameter name: of a language model of the catalog.
    init(_ name: String, on device: any Device) throws {
        let description = try ModelCatalog.named(name)
        guard let workload = description.workload as? LanguageModelWorkload else {
            throw TrainingError(.input, "\(name): is no language model")
        }
        let recipe = description.defaults, context = try Settings([:]).integer(workload.context, in: 1...1 << 20)
        let network = try withDevice(device) { try withSeed(1) { try workload.make(Settings([:]), Self.kinds) } }
        let choice = try OptimizerCatalog.named(recipe.optimizer)
        let known = Set((choice.settings + OptimizerCatalog.common).map(\.name))
        optimizer = try choice.build(
            Settings(recipe.settings.filter { known.contains($0.key) }), [ParameterGroup(network.parameters)],
            learningRate: recipe.learningRate)
        let text = (0...recipe.batchSize * context).map { Int32($0 * $0 % 127 % Self.kinds) }
        tokens = Tensor(Array(text.dropLast()), shape: [recipe.batchSize, context])
        labels = Array(text.dropFirst())
        model = network
        self.device = device
    }

    func run() {
        withDevice(device) {
            let (_, gradients) = valueAndGradient(of: model.parameters) {
                crossEntropy(model(tokens).reshaped([labels.count, Self.kinds]), labels)
            }
            optimizer.step(gradients)
        }
    }
}
