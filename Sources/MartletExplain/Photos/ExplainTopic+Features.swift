import MartletCore
import MartletFigures
import MartletNN
import MartletTraining

extension ExplainTopic {
    /// What the layers of a network make of a photo.
    static let features = ExplainTopic(
        "features", "the maps that a network's layers make of a photo, and its first filters", operands: "photo.jpg",
        operandCount: 1...1, model: .required, takesData: true
    ) { request in
        let study = try PhotoStudy(request), file = request.operands[0], sample = try study.trained.image(file)
        let top = try study.likeliest(sample, count: 5).map { (study.trained.classes[$0.label], $0.probability) }
        var items = try study.network.featureMaps(sample, caption: file)
        if let filters = try study.network.filters() { items.insert(filters, at: 0) }
        let page = HTMLPage(
            "Feature maps", lead: "What \(study.trained.description.name) makes of \(file), layer by layer.",
            [
                .init(
                    "",
                    [
                        .figure(
                            ImageGrid(
                                "", [.init(study.pictures.picture(sample), top[0].0)], columns: 1, cellWidth: 300, isSmooth: true)
                        )
                    ]
                        + items.map { .figure($0.figure, caption: $0.caption) })
            ])
        var explanation = Explanation(
            figures: [
                ("top", .array(top.map { ["label": .string($0.0), "probability": .number(Double($0.1))] })),
                ("layers", .array(study.chain.flatLinks.map { .string($0.name) })),
            ], page: page)
        for item in items { explanation.add(item.name, item.figure) }
        return explanation
    }
}
