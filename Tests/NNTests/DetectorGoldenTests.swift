import Foundation
import Martlet
import Testing

/// The pyramid detector is torchvision's `fasterrcnn_resnet50_fpn`: its names, and with the same weights its detections.
@Suite struct DetectorGoldenTests {
    private static let scales: [String: Float] = [
        "rpn.head.cls_logits.weight": 0.2, "rpn.head.bbox_pred.weight": 0.05, "roi_heads.box_predictor.bbox_pred.weight": 0.05,
        "roi_heads.box_predictor.cls_score.weight": 0.1,
    ]

    @Test(arguments: TestDevices.ids) func findsWhatTorchvisionFinds(device id: String) throws {
        let golden = try GoldenFile("detector")
        let device = try TestDevices.named(id)
        try withDevice(device) {
            var options = RegionHeads.Options()
            options.detections = 40
            let model = FasterRCNN(.resnet50, classes: 4, heads: options)
            let names = try JSONDecoder().decode([String].self, from: Data((golden.file.metadata["parameters"] ?? "[]").utf8))
            #expect(model.namedParameters.map(\.name) == names)
            for (index, (name, parameter)) in model.namedParameters.enumerated() {
                var value = Tensor(repeating: name.hasSuffix("bias") ? 0 : 1, shape: parameter.shape)
                if parameter.shape.count >= 2 {
                    let bound = (6 / Float(parameter.shape.dropFirst().reduce(1, *))).squareRoot()
                    value = Tensor.random(
                        .uniform(low: -bound, high: bound), shape: parameter.shape,
                        key: RandomKey(seed: 7, stream: UInt64(index)), on: device)
                }
                if name.contains(".bn3."), name.hasSuffix("weight") { value = value * 0.2 }
                parameter.value = (value * (Self.scales[name] ?? 1)).evaluated()
            }
            model.heads.parameters.first { $0.shape == [5] }?.value = Tensor([0.1, 1.1, -0.4, -3, 0.6])
            let image = try golden.tensor("image").reshaped([1, 3, 128, 160])
            let mean = Tensor([0.485, 0.456, 0.406], shape: [1, 3, 1, 1]),
                std = Tensor([0.229, 0.224, 0.225], shape: [1, 3, 1, 1])
            let (found, proposals) = try model.detect(
                model.observe((image - mean) / std, sizes: [Pair(128, 160)]))
            let first = try golden.tensor("proposals")
            try expectClose(
                Tensor(proposals[0].prefix(50).flatMap { [$0[0], $0[1], $0[2], $0[3]] }, shape: first.shape), first,
                within: 1e-3, "\(id): proposals")
            let boxes = try golden.tensor("boxes").floats(), scores = try golden.tensor("scores").floats()
            let labels = try golden.tensor("labels").integers()
            #expect(found[0].count == scores.count)
            for (index, object) in found[0].enumerated() where index < scores.count {
                #expect(object.label + 1 == Int(labels[index]), "\(id): detection \(index)")
                #expect(abs(object.score - scores[index]) < 1e-3, "\(id): detection \(index)")
                for side in 0..<4 {
                    #expect(abs(object.box[side] - boxes[4 * index + side]) < 1e-3 * 160, "\(id): detection \(index)")
                }
            }
        }
    }
}
