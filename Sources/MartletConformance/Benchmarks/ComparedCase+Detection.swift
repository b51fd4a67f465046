import Martlet

extension ComparedCase {
    /// A step of training of torchvision's `fasterrcnn_resnet50_fpn` by SGD with momentum. Image i of `shapes` is uniform from 0 to 1
    /// (seed 8) and shows the objects of `DetectionStep`. What is compared is the loss of the first step, roughly: each side draws
    /// anchors and regions of its own.
    func detectionStepWorkload(_ device: any Device) throws -> Workload {
        let shape = try shape(ranks: 4...4)
        guard shape[1] == 3, operation == "faster-rcnn" else { throw refusal("faster-rcnn on images [n, 3, h, w] wanted") }
        let step = withDevice(device) { DetectionStep(shape) }
        return Workload(
            run: { try withDevice(device) { _ = try step.run() } },
            outputs: { [try withDevice(device) { try step.run() }.evaluated()] })
    }
}

/// A training step of Faster R-CNN with a pyramid of ResNet-50.
///
/// Parameters begin as `TrainStep`'s do, but the last normalisation of each residual block has the weight 0.2 and the predictions'
/// weights are scaled, so that nothing grows without bound. Object j of 8 in an image of h x w begins at (w, h) * j / 16 and is
/// w / 4 wide and h / 3 high; its class is j + 1 of 20.
private final class DetectionStep {
    private let model = FasterRCNN(.resnet50, classes: 20)
    private let optimizer: SGD
    private let images: Tensor
    private let targets: [DetectionTarget]
    private var number: UInt64 = 0

    private static let scales: [String: Float] = [
        "rpn.head.cls_logits.weight": 0.2, "rpn.head.bbox_pred.weight": 0.05, "roi_heads.box_predictor.bbox_pred.weight": 0.05,
        "roi_heads.box_predictor.cls_score.weight": 0.1,
    ]

    init(_ shape: [Int]) {
        for (index, (name, parameter)) in model.namedParameters.enumerated() {
            let start = TrainStep.start(parameter.shape, isBias: name.hasSuffix("bias"), stream: index)
            let isLast = name.contains(".bn3.") && name.hasSuffix("weight")
            parameter.value = (start * (Self.scales[name] ?? (isLast ? 0.2 : 1))).evaluated()
        }
        model.freezeNormalization()
        optimizer = SGD(model.parameters.filter { !$0.isFrozen }, learningRate: 1e-4, momentum: 0.9)
        images = Tensor.random(.uniform(low: 0, high: 1), shape: shape, key: RandomKey(seed: 8, stream: 0))
        let height = Float(shape[2]), width = Float(shape[3])
        let boxes = (0..<8).map { (number: Int) -> HostBox in
            let x = width * Float(number) / 16, y = height * Float(number) / 16
            return HostBox(x, y, x + width / 4, y + height / 3)
        }
        targets = (0..<shape[0]).map { _ in DetectionTarget(boxes: boxes, labels: Array(0..<8)) }
    }

    /// Takes a step and gives the loss before it.
    func run() throws -> Tensor {
        number += 1
        let sizes = targets.map { _ in Pair(images.shape[2], images.shape[3]) }
        let (loss, gradients) = try valueAndGradient(of: model.parameters) {
            try model.losses(model.see(images, sizes: sizes), targets, seed: number).sum
        }
        optimizer.step(gradients)
        return loss
    }
}
