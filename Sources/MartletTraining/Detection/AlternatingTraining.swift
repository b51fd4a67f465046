import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Where Faster R-CNN's four-step training stands: a quarter of the epochs for each step. The step's number, and the weights that
/// another step needs, are carried by the checkpoints.
final class AlternatingTraining {
    private let detector: FasterRCNN
    /// In the first step the weights that the heads' backbone will begin with, in the second those that proposals come from.
    private let other: any DetectionBackbone
    private(set) var step = FasterRCNN.AlternatingStep.proposer
    private var hasBeginning = false

    /// - Parameter kind: of the detector's backbone; another one of it holds the weights.
    init(_ detector: FasterRCNN, _ kind: DetectorBackbone) {
        self.detector = detector
        other = kind.backbone()
        for parameter in other.parameters { parameter.isFrozen = true }
    }

    /// The weights that a new run begins with are those that the detector has when they are first asked for.
    private func keepBeginning() {
        if hasBeginning { return }
        Self.set(other, Self.tensors(detector.backbone))
        hasBeginning = true
    }

    /// Enters the step of an epoch, unless it is under way, and freezes what it leaves as it is.
    func begin(epoch: Int, of epochs: Int) {
        keepBeginning()
        let wanted = min(epoch * 4 / max(epochs, 4), 3)
        while step.rawValue < wanted, let next = FasterRCNN.AlternatingStep(rawValue: step.rawValue + 1) {
            if next == .detector { exchange() }
            step = next
        }
        detector.freeze(for: step)
    }

    func loss(_ images: ImageFeatures, _ targets: [DetectionTarget], seed: UInt64) throws -> Tensor {
        try detector.loss(of: step, images, targets, proposalsFrom: step == .detector ? other : nil, seed: seed)
    }

    /// The heads' backbone begins where the first step did, and the proposals go on with the backbone of that step.
    private func exchange() {
        let trained = Self.tensors(detector.backbone)
        Self.set(detector.backbone, Self.tensors(other))
        Self.set(other, trained)
    }

    private static func tensors(_ module: any MartletNN.Module) -> [Tensor] {
        module.parameters.map(\.value.detached) + module.namedBuffers.map(\.buffer.value)
    }

    private static func set(_ module: any MartletNN.Module, _ values: [Tensor]) {
        let parameters = module.parameters
        for (parameter, value) in zip(parameters, values) { parameter.value = value }
        for (entry, value) in zip(module.namedBuffers, values.dropFirst(parameters.count)) { entry.buffer.value = value }
    }

    // MARK: Checkpoints

    private static let stepName = "alternating"
    private var names: [String] { other.namedParameters.map(\.name) + other.namedBuffers.map(\.name) }

    var carried: [(name: String, tensor: Tensor)] {
        keepBeginning()
        let number = (name: Self.stepName, tensor: Tensor([Float(step.rawValue)]))
        // From the third step on one backbone serves both.
        return step.rawValue >= 2 ? [number] : [number] + zip(names, Self.tensors(other)).map { ($0, $1) }
    }

    func restore(_ carried: [String: Tensor], of name: String) throws {
        let refusal = TrainingError(
            .input, "\(name): the checkpoint's state of alternating training does not fit; give the run's own files")
        guard let number = try carried[Self.stepName]?.floats(), number.count == 1,
            let step = FasterRCNN.AlternatingStep(rawValue: Int(exactly: number[0]) ?? -1)
        else { throw refusal }
        self.step = step
        hasBeginning = true
        if step.rawValue >= 2 { return }
        let values = names.compactMap { carried[$0] }
        guard values.map(\.shape) == Self.tensors(other).map(\.shape) else { throw refusal }
        Self.set(other, values)
    }
}
