import Foundation
import MartletCore
import MartletFigures
import MartletNN
import MartletTraining

/// A trained network of one layer after the other and a photo to look at with it.
struct PhotoStudy {
    let trained: TrainedClassifier
    let chain: any Chain
    let pictures: SamplePictures

    init(_ request: ExplainRequest) throws {
        guard let source = request.model else { throw TrainingError(.input, "which model? give --run DIR") }
        trained = try TrainedClassifier(source, data: request.data)
        guard let chain = trained.layer as? any Chain,
            let pictures = SamplePictures(shape: trained.shape, normalization: try DataRecipe.normalization(trained.settings))
        else {
            throw TrainingError(
                .input, "\(trained.description.name): is no network for images of one layer after the other; give another model")
        }
        self.chain = chain
        self.pictures = pictures
    }

    var network: NetworkFigures { NetworkFigures(chain: chain, pictures: pictures) }

    /// The likeliest classes of a sample, by position.
    func likeliest(_ sample: [Float], count: Int = 1) throws -> [(label: Int, probability: Float)] {
        let values = try withoutGradients { try chain(Tensor(sample, shape: [1] + trained.shape)).softmax().floats() }
        let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
        return order.prefix(count).map { ($0, values[$0]) }
    }

    /// The class of a name, or of a position.
    func label(_ name: String) throws -> Int {
        if let found = trained.classes.firstIndex(of: name) ?? Int(name), trained.classes.indices.contains(found) { return found }
        let shown = trained.classes.prefix(8).joined(separator: ", ") + (trained.classes.count > 8 ? ", ..." : "")
        throw TrainingError(.input, "--set class=\(name): the model knows no such class; it knows \(shown)")
    }

    /// A layer of the chain, by name.
    func check(layer name: String) throws {
        let names = chain.flatLinks.map(\.name)
        guard names.contains(name) else {
            throw TrainingError(.input, "--set layer=\(name): there is no such layer; there are \(names.joined(separator: ", "))")
        }
    }
}
