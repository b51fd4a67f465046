import Glibc
import MartletNN

/// Learning rates by layer: small where a layer is far from the model's end, whose features others share, and large for a new head. Howard
/// and Ruder, "Universal language model fine-tuning for text classification", 2018.
public enum LayerRates {
    private static let decay = Settings.Key(
        "layer_decay", "1", "share of the learning rate that each layer has of the one behind it")
    private static let headRate = Settings.Key("head_rate", "1", "the last layer's learning rate over the others'")
    /// The settings they have.
    public static let keys = [decay, headRate]

    /// The parameters of a model in groups of one learning rate each. Layers are the links of the model's chain; a normalisation goes with
    /// the layer before it. Refused for models that are no chain, where a rate is set.
    public static func groups(of model: any Module, _ settings: Settings) throws -> [ParameterGroup] {
        let decay = try settings.number(decay, in: 0.001...1), headRate = try settings.number(headRate, in: 1e-6...1e6)
        guard decay != 1 || headRate != 1 else { return [ParameterGroup(model.parameters)] }
        guard let chain = model as? any Chain else {
            throw TrainingError(
                .input,
                "--set \(decay != 1 ? "layer_decay" : "head_rate"): the model is not one layer after the other; leave it out")
        }
        var layers: [[Parameter]] = []
        for link in chain.flatLinks where !link.layer.parameters.isEmpty {
            if link.layer is BatchNorm, !layers.isEmpty {
                layers[layers.count - 1] += link.layer.parameters
            } else {
                layers.append(link.layer.parameters)
            }
        }
        var groups: [ParameterGroup] = []
        for (index, parameters) in layers.enumerated() {
            let above = layers.count - 1 - index
            let scale = Float(above == 0 ? headRate : pow(decay, Double(above)))
            if let last = groups.last, last.learningRateScale == scale {
                groups[groups.count - 1].parameters += parameters
            } else {
                groups.append(ParameterGroup(parameters, learningRateScale: scale))
            }
        }
        return groups
    }
}
