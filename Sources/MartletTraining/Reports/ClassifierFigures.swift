import Foundation
import MartletCore
import MartletData
import MartletFigures
import MartletNN

/// The parts of a report on a classifier: which classes it takes for which, its worst mistakes, and what can be seen inside it.
struct ClassifierFigures {
    let classifier: any Layer
    let heldOut: any Dataset
    let normalization: ChannelNormalization?
    let predictions: Predictions

    init(
        _ classifier: any Layer, on heldOut: any Dataset, normalization: ChannelNormalization?, threads: Int, stop: () -> Bool
    ) throws {
        self.classifier = classifier
        self.heldOut = heldOut
        self.normalization = normalization
        predictions = try Predictions(of: classifier, on: heldOut, threads: threads, stop: stop)
    }

    func parts() throws -> [ReportPart] {
        var parts = [ReportPart("Classes", text: summary, [confusion])]
        guard let pictures = SamplePictures(shape: heldOut.sampleShape, normalization: normalization) else { return parts }
        if let mistakes = try mistakes(pictures) { parts.append(mistakes) }
        guard let chain = classifier as? any Chain else { return parts }
        let network = NetworkFigures(chain: chain, pictures: pictures)
        var items = [try network.filters()].compactMap { $0 }
        let looks = (predictions.mistakes.prefix(3) + predictions.successes.prefix(6)).prefix(6)
        let samples = try looks.map { entry in
            (
                values: try values(entry), label: entry.predicted,
                caption: caption(entry.predicted, entry.probability) + (entry.isRight ? "" : ", wrong")
            )
        }
        if let cam = try network.gradCAM(samples) { items.append(cam) }
        if let chosen = predictions.successes.first ?? predictions.entries.first {
            items += try network.featureMaps(
                try values(chosen), caption: "a sample of \(predictions.classNames[chosen.label])")
        }
        if !items.isEmpty { parts.append(ReportPart("Inside the network", items)) }
        return parts
    }

    private var summary: String {
        let right = predictions.entries.count(where: \.isRight)
        return "\(right) of \(predictions.entries.count) samples of \(heldOut.name) are told right by the best weights."
    }

    private var confusion: ReportPart.Item {
        let counts = predictions.confusion
        // Colours by share of the class, so that classes of few samples show too.
        let shares = counts.map { row in row.map { Double($0) / Double(max(row.reduce(0, +), 1)) } }
        let labels = predictions.classNames.map { String($0.prefix(24)) }, isSmall = counts.count <= 20
        let percent: @Sendable (Double) -> String = { String(Int(($0 * 100).rounded())) }
        return .init(
            "confusion",
            HeatMap(
                "Confusion matrix", shares, rowLabels: labels, columnLabels: labels, rowTitle: "class", columnTitle: "taken for",
                colors: .blues, range: 0...1, keyTitle: "share of the class",
                format: isSmall ? percent : nil),
            caption: isSmall ? "Per cent of each class's samples." : "")
    }

    private func mistakes(_ pictures: SamplePictures) throws -> ReportPart? {
        let worst = predictions.mistakes.prefix(12)
        if worst.isEmpty { return nil }
        let cells = try worst.map { entry in
            ImageGrid.Cell(
                pictures.picture(try values(entry)),
                "\(caption(entry.predicted, entry.probability)), is \(caption(entry.label, entry.labelProbability))")
        }
        return ReportPart(
            "Worst mistakes", text: "What it was most certain of and wrong about, with the probabilities it gave.",
            [.init("mistakes", ImageGrid("", cells, columns: 4, cellWidth: 150, isSmooth: pictures.shape[1] >= 100))])
    }

    private func caption(_ label: Int, _ probability: Float) -> String {
        "\(predictions.classNames[label].prefix(20)) " + String(format: "%.1f %%", probability * 100)
    }

    private func values(_ entry: Predictions.Entry) throws -> [Float] { try heldOut.sample(at: entry.index).inputs }
}
