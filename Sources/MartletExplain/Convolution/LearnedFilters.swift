import Foundation
import MartletCore
import MartletData
import MartletFigures
import MartletModels
import MartletNN
import MartletTraining

/// The first convolution of a trained network beside an untrained one's, and how much each filter is like a Gabor function.
struct LearnedFilters {
    let name: String
    private let layer: Conv2D
    private let filters: [[Float]]
    private let untrained: [[Float]]
    private let channels: Int
    private let size: Pair
    /// The size of the cosine between each filter and the Gabor function most like it.
    let matches: [Double]
    let untrainedMatches: [Double]
    /// A sample for the network, [1, c, h, w], and what is shown of it.
    private let sample: Tensor
    private let shown: Raster

    /// - Parameters:
    ///   - source: nil for a LeNet that is trained here and now on the embedded digits.
    ///   - photo: what the filters are shown at work on; nil for the drawn scene, or a digit where the network is for digits.
    init(_ source: TrainedSource?, photo: String?, data: String?, seed: UInt64) throws {
        let classifier: any Layer, fresh: any Layer, shape: [Int]
        var prepared: [Float]?
        if let source {
            let trained = try TrainedClassifier(source, shape: try Self.shape(source, data: data))
            (classifier, shape) = (trained.layer, trained.shape)
            fresh = try withSeed(seed) {
                try trained.description.build(
                    trained.settings, shape: ModelShape(input: shape, classes: trained.classes.count))
            }
            name = trained.description.name
            prepared = try photo.map { try trained.image($0) }
        } else {
            let models = try Self.lenet(seed: seed)
            classifier = models.trained
            fresh = models.before
            shape = [1, 28, 28]
            name = "lenet"
        }
        guard let layer = Self.first(classifier), let before = Self.first(fresh), shape.count == 3 else {
            throw TrainingError(.input, "explain convolution: \(name) has no convolution; give a convolutional network")
        }
        self.layer = layer
        let extents = layer.weight.shape
        channels = extents[1]
        size = Pair(extents[2], extents[3])
        filters = try Self.filters(layer)
        untrained = try Self.filters(before)
        let side = max(size.y, size.x), dictionary = side > 1 && size.y == size.x ? Gabor.dictionary(size: side) : []
        matches = filters.map { [channels] in Self.match($0, channels, dictionary) }
        untrainedMatches = untrained.map { [channels] in Self.match($0, channels, dictionary) }
        (sample, shown) = try Self.sample(shape, photo: photo, prepared: prepared, isDigits: source == nil)
    }

    private static func first(_ model: any Layer) -> Conv2D? { model.modules.lazy.compactMap { $0 as? Conv2D }.first }

    private static func filters(_ layer: Conv2D) throws -> [[Float]] {
        let values = try layer.weight.value.floats(), length = values.count / max(layer.weight.shape[0], 1)
        return (0..<layer.weight.shape[0]).map { Array(values[$0 * length..<($0 + 1) * length]) }
    }

    /// What a weight file's model is fed with.
    private static func shape(_ source: TrainedSource, data: String?) throws -> (shape: [Int], classes: [String])? {
        guard case .weights(let description, _, let settings) = source else { return nil }
        let size = description.classifier?.imageSize
        if data == nil, let size, size >= 64 { return ([3, size, size], (0..<1000).map(String.init)) }
        let parts = try DataRecipe.load(data ?? description.workload.standardData, settings, standardSize: size, seed: 0)
        return (parts.training.sampleShape, parts.training.classNames)
    }

    /// A LeNet after a few epochs on the embedded digits, and as it was before.
    private static func lenet(seed: UInt64) throws -> (trained: LeNet, before: LeNet) {
        let digits = try Digits(size: 28).split().training
        let model = withSeed(seed) { LeNet() }, before = withSeed(seed) { LeNet() }
        // The decay takes away what is left of the random start where the data does not need it.
        let optimizer = SGD(model.parameters, learningRate: 0.05, momentum: 0.9, weightDecay: 5e-3)
        for epoch in 0..<8 {
            for batch in digits.batches(of: 64, seed: Int(truncatingIfNeeded: seed &+ UInt64(epoch))) {
                let (_, gradients) = valueAndGradient(of: model) { crossEntropy($0(batch.images), batch.labels) }
                optimizer.step(gradients)
            }
        }
        return (model, before)
    }

    /// - Parameter prepared: the photo as the model takes it, where it has a way of its own.
    private static func sample(_ shape: [Int], photo: String?, prepared: [Float]?, isDigits: Bool) throws -> (Tensor, Raster) {
        if isDigits, photo == nil {
            let digit = try Digits(size: shape[1]).batch(of: [2]).inputs
            return (Tensor(digit, shape: [1] + shape), Raster(width: shape[2], height: shape[1], values: digit, range: 0...1))
        }
        let grey = GrayPicture.drawn
        let image =
            try photo.map { try Image.read($0) }
            ?? Image(
                width: grey.width, height: grey.height, channels: 1, pixels: grey.values.map { UInt8(($0 * 255).rounded()) })
        let fitted = image.converted(toChannels: shape[0] == 3 ? 3 : 1).resized(width: shape[2], height: shape[1])
        guard shape[0] == fitted.channels else {
            throw TrainingError(.input, "explain convolution: the network takes \(shape[0]) channels, not 1 or 3")
        }
        return (
            Tensor(prepared ?? fitted.floats(), shape: [1] + shape),
            Raster(width: fitted.width, height: fitted.height, channels: fitted.channels, pixels: fitted.pixels)
        )
    }

    /// How much a filter, its channels added up, is like the most similar of some patterns.
    private static func match(_ filter: [Float], _ channels: Int, _ dictionary: [[Double]]) -> Double {
        let area = filter.count / max(channels, 1)
        let sum = (0..<area).map { place in (0..<channels).reduce(0.0) { $0 + Double(filter[$1 * area + place]) } }
        let unit = Gabor.normalized(sum)
        return dictionary.reduce(0) { best, pattern in
            var product = 0.0
            for index in 0..<area { product += unit[index] * pattern[index] }
            return max(best, abs(product))
        }
    }

    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }

    var figures: JSON {
        .object([
            ("model", .string(name)), ("filters", .integer(filters.count)), ("size", [.integer(size.y), .integer(size.x)]),
            ("channels", .integer(channels)),
            ("gaborMatch", ["trained": .number(Self.mean(matches)), "untrained": .number(Self.mean(untrainedMatches))]),
        ])
    }

    // MARK: Pictures

    private func raster(_ filter: [Float]) -> Raster {
        let bound = max(filter.map { abs($0) }.filter(\.isFinite).max() ?? 1, 1e-9)
        return channels == 3
            ? Raster(width: size.x, height: size.y, planes: filter, range: -bound...bound)
            : Raster(
                width: size.x, height: size.y, values: filter.prefix(size.y * size.x), colors: .diverging,
                range: -bound...bound)
    }

    private func grid(_ title: String, _ filters: [[Float]], _ matches: [Double]) -> ImageGrid {
        let cells = zip(filters, matches).map { filter, match in
            ImageGrid.Cell(raster(filter), filters.count <= 16 ? String(format: "%.2f", match) : "")
        }
        return ImageGrid(title, cells, columns: filters.count <= 16 ? 6 : 16, cellWidth: filters.count <= 16 ? 92 : 46)
    }

    var trainedGrid: ImageGrid { grid("\(name), first layer, trained", filters, matches) }
    var untrainedGrid: ImageGrid { grid("the same layer, untrained", untrained, untrainedMatches) }

    /// Gabor functions in the same manner.
    static var gaborGrid: ImageGrid {
        let cells = (Gabor.bank(6) + Gabor.bank(6, phase: 90)).map { gabor in
            let values = gabor.values, bound = max(values.map { abs($0) }.max() ?? 1, 1e-9)
            return ImageGrid.Cell(
                Raster(width: gabor.size, height: gabor.size, values: values, colors: .diverging, range: -bound...bound),
                "\(Int(gabor.orientation))°, \(gabor.phase == 0 ? "line" : "edge")")
        }
        return ImageGrid("Gabor functions", cells, columns: 6, cellWidth: 92)
    }

    /// What the layer makes of the sample, a map a filter.
    func maps() throws -> ImageGrid {
        let output = withoutGradients { layer(sample).relu() }, shape = output.shape
        let values = try output.floats(), area = shape[2] * shape[3]
        let cells = (0..<min(shape[1], 23)).map { index -> ImageGrid.Cell in
            let map = values[index * area..<(index + 1) * area]
            return ImageGrid.Cell(
                Raster(width: shape[3], height: shape[2], values: map, colors: .magma, range: 0...max(map.max() ?? 1, 1e-6)),
                "filter \(index + 1)")
        }
        return ImageGrid(
            "\(name): what each filter answers", [.init(shown, "input")] + cells, columns: shape[1] <= 8 ? 4 : 8,
            cellWidth: shape[1] <= 8 ? 130 : 84, isSmooth: shape[3] > 40)
    }
}
