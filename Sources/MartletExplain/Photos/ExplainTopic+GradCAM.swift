import MartletCore
import MartletFigures
import MartletNN
import MartletTraining

extension ExplainTopic {
    private static let classKey = Settings.Key("class", "", "the class to ask for, by name or number; empty for the likeliest")
    private static let layerKey = Settings.Key(
        "layer", "", "the layer to look at; empty for the last before the head that makes maps")

    /// Where a network looked.
    static let gradcam = ExplainTopic(
        "gradcam", "where a network looked when it told a photo's class", operands: "photo.jpg ...", operandCount: 1...24,
        model: .required, takesData: true, settings: [classKey, layerKey]
    ) { request in
        let study = try PhotoStudy(request), layer = request.settings.string(layerKey), asked = request.settings.string(classKey)
        if !layer.isEmpty { try study.check(layer: layer) }
        let label = asked.isEmpty ? nil : try study.label(asked)
        var rows: [JSON] = [], items: [ReportPart.Item] = []
        for (index, file) in request.operands.enumerated() {
            let sample = try study.trained.image(file), likeliest = try study.likeliest(sample)[0]
            let chosen = label ?? likeliest.label
            guard
                let cam = GradCAM(
                    of: study.chain, on: Tensor(sample, shape: [1] + study.trained.shape), classes: [Int32(chosen)],
                    layer: layer.isEmpty ? nil : layer)
            else {
                throw TrainingError(
                    .input,
                    "\(study.trained.description.name): \(layer.isEmpty ? "no layer" : layer) makes no maps; give another layer")
            }
            let heat = try cam.heat.floats(), height = cam.heat.shape[1], width = cam.heat.shape[2]
            let top = heat.indices.max { heat[$0] < heat[$1] } ?? 0
            let scores = try cam.scores.softmax().floats()
            let name = study.trained.classes[chosen]
            rows.append([
                "file": .string(file), "class": .string(name), "probability": .number(Double(scores[chosen])),
                "layer": .string(cam.layer),
                // Of the hottest place, as shares of the width and the height.
                "x": .number((Double(top % width) + 0.5) / Double(width)),
                "y": .number((Double(top / width) + 0.5) / Double(height)),
            ])
            items.append(
                .init(
                    "gradcam-\(index + 1)",
                    ImageGrid(
                        "",
                        [
                            .init(study.pictures.picture(sample), name),
                            .init(
                                study.pictures.picture(sample, heat: heat, height: height, width: width),
                                "where \(cam.layer) found it"),
                        ], columns: 2, cellWidth: 300, isSmooth: true),
                    caption: "\(file): \(name), probability \(Double((scores[chosen] * 1000).rounded()) / 1000)"))
        }
        let page = HTMLPage(
            "Grad-CAM", lead: "Where \(study.trained.description.name) found what speaks for a class.",
            [
                .init(
                    "",
                    [
                        .text(
                            "The maps of an inner layer, each weighted by the mean gradient of the class's score with respect to it, are "
                                + "summed and cut off below 0: what is bright raised the score most. Selvaraju et al., 2017.")
                    ] + items.map { .figure($0.figure, caption: $0.caption) })
            ])
        var explanation = Explanation(figures: [("photos", .array(rows))], page: page)
        for item in items { explanation.add(item.name, item.figure) }
        return explanation
    }
}
