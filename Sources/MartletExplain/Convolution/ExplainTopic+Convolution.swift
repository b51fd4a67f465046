import Foundation
import MartletCore
import MartletFigures
import MartletTraining

extension ExplainTopic {
    /// Oriented filters, simple and complex cells, and what a network learns by itself.
    static let convolution = ExplainTopic(
        "convolution", "oriented-edge filters, simple and complex cells, and a network's learned filters beside them",
        operands: "photo (PNG, JPEG)", operandCount: 0...1, model: .optional, takesData: true
    ) { request in
        if request.data != nil, request.model == nil {
            throw TrainingError(.input, "explain convolution: --data says what --model takes; give --model too, or drop it")
        }
        let photo = request.operands.first
        let scene = try photo.map { try GrayPicture(photo: $0) } ?? .drawn
        let edges = try EdgeMaps(scene), cells = try CellStudy(), maps = try CellMaps(scene)
        let learned = try LearnedFilters(request.model, photo: photo, data: request.data, seed: request.seed)
        let answers = try learned.maps()
        var explanation = Explanation(
            figures: [
                ("orientations", edges.figures), ("cells", cells.figures),
                (
                    "changeUnderShift",
                    [
                        "pixels": .integer(CellMaps.shift), "simple": .number(maps.changes.simple),
                        "complex": .number(maps.changes.complex),
                    ]
                ),
                ("learned", learned.figures),
            ], page: page(scene, edges, cells, maps, learned, answers))
        explanation.add("edges", edges.grid)
        explanation.add("orientation", edges.colored)
        explanation.add("shift", cells.shiftPlot)
        explanation.add("turn", cells.turnPlot)
        explanation.add("cells", maps.grid)
        explanation.add("gabor", LearnedFilters.gaborGrid)
        explanation.add("filters", learned.trainedGrid)
        explanation.add("filters-untrained", learned.untrainedGrid)
        explanation.add("answers", answers)
        return explanation
    }

    private static func page(
        _ scene: GrayPicture, _ edges: EdgeMaps, _ cells: CellStudy, _ maps: CellMaps, _ learned: LearnedFilters,
        _ answers: ImageGrid
    ) -> HTMLPage {
        func percent(_ value: Double) -> String { String(format: "%.0f %%", value * 100) }
        func two(_ value: Double) -> String { String(format: "%.2f", value) }
        return HTMLPage(
            "Convolution, from the eye to the network",
            lead:
                "A small filter slides over a picture and answers where the picture looks like the filter. The same few filters "
                + "turn up in the visual cortex, in engineering, and in every network trained on images.",
            [
                .init(
                    "Filters that look for edges of one orientation",
                    [
                        .text(
                            "A *Gabor function* is a wave under a bell. Its answer is strong where an edge of its own orientation lies, "
                                + "and nothing where the picture is even, since its weights add up to zero. Each map shows the size of "
                                + "one filter's answer at every place."),
                        .figure(edges.grid),
                        .figures(
                            [edges.colored],
                            caption:
                                "The strongest orientation at each place as a colour, its strength as brightness. The edge of the sun runs through all of them."
                        ),
                    ]),
                .init(
                    "Simple and complex cells",
                    [
                        .text(
                            "Hubel and Wiesel (*Receptive fields, binocular interaction and functional architecture in the cat's "
                                + "visual cortex*, 1962) found two kinds of cells. *Simple* cells answer to a line at one place; "
                                + "*complex* cells to a line of the same orientation anywhere nearby. Fukushima's *Neocognitron* (1980) "
                                + "built both: S-cells are filters, C-cells gather S-cells of one orientation over a window (here their "
                                + "maximum over \(CellStudy.window) x \(CellStudy.window) places). Convolution and pooling are their "
                                + "heirs."),
                        .figures([cells.shiftPlot, cells.turnPlot]),
                        .note(
                            "Moved sideways, a bar drives the S-cell over \(tidy(cells.simpleWidth)) pixels and the C-cell over "
                                + "\(tidy(cells.complexWidth)). Turned, it drives both over the same range: the C-cell gives up the "
                                + "place and keeps the orientation."),
                        .figure(
                            maps.grid,
                            caption:
                                "Moved by \(CellMaps.shift) pixels, the picture changes the S-cells' answers by \(percent(maps.changes.simple)) of their size and the C-cells' by \(percent(maps.changes.complex))."
                        ),
                    ]),
                .init(
                    "What a network learns by itself",
                    [
                        .text(
                            "Nobody told \(learned.name) about edges; its filters began as noise and were changed by gradient descent "
                                + "only (LeCun et al., *Gradient-based learning applied to document recognition*, 1998). The number "
                                + "below a filter is the cosine between it and the most similar Gabor function: 1 is a perfect match. On "
                                + "average it is \(two(LearnedFilters.mean(learned.matches))) after training and "
                                + "\(two(LearnedFilters.mean(learned.untrainedMatches))) before."),
                        .figure(learned.trainedGrid), .figure(learned.untrainedGrid), .figure(LearnedFilters.gaborGrid),
                        .figure(answers),
                    ]),
            ])
    }
}

/// The answers of edge filters of eight orientations.
struct EdgeMaps {
    let scene: GrayPicture
    let filters = Gabor.bank(8, phase: 90)
    /// The sizes of the answers, [orientation][place].
    private let answers: [[Float]]

    init(_ scene: GrayPicture) throws {
        self.scene = scene
        let size = filters[0].size / 2, area = scene.width * scene.height
        let all = try withoutGradients { [filters] in
            try convolution(scene.extended(by: size).tensor, Gabor.weight(filters)).absolute.floats()
        }
        answers = filters.indices.map { Array(all[$0 * area..<($0 + 1) * area]) }
    }

    /// How strongly the filters answer on the whole, by orientation.
    var figures: JSON {
        .array(
            zip(filters, answers).map { filter, map in
                [
                    "degrees": .number(filter.orientation),
                    "meanResponse": .number(map.reduce(0.0) { $0 + Double($1) } / Double(map.count)),
                ]
            })
    }

    var grid: ImageGrid {
        let top = answers.compactMap { $0.max() }.max() ?? 1
        func filter(_ gabor: Gabor) -> ImageGrid.Cell {
            let values = gabor.values, bound = max(values.map { abs($0) }.max() ?? 1, 1e-9)
            return .init(
                Raster(width: gabor.size, height: gabor.size, values: values, colors: .diverging, range: -bound...bound).enlarged(
                    8),
                "filter, \(tidy(gabor.orientation))°")
        }
        func map(_ index: Int) -> ImageGrid.Cell {
            .init(
                Raster(
                    width: scene.width, height: scene.height, values: answers[index], colors: .magma,
                    range: 0...max(top * 0.8, 1e-6)), "answer, \(tidy(filters[index].orientation))°")
        }
        let rows = [0..<4, 4..<8].flatMap { range in range.map { filter(filters[$0]) } + range.map(map) }
        return ImageGrid("Edge filters and their answers", rows, columns: 4, cellWidth: 168, isSmooth: true)
    }

    /// The picture, and its orientations as colours.
    var colored: ImageGrid {
        let top = Double(answers.compactMap { $0.max() }.max() ?? 1)
        var pixels: [UInt8] = []
        for place in 0..<scene.width * scene.height {
            // The double angle makes 0 and 180 degrees one direction.
            var x = 0.0, y = 0.0, best = 0.0
            for (filter, map) in zip(filters, answers) {
                let angle = filter.orientation * .pi / 90, answer = Double(map[place])
                x += answer * cos(angle)
                y += answer * sin(angle)
                best = max(best, answer)
            }
            let color = Self.hue(atan2(y, x) / (2 * .pi)), strength = min(best / max(top * 0.7, 1e-9), 1)
            for level in [color.red, color.green, color.blue] { pixels.append(UInt8((Double(level) * strength).rounded())) }
        }
        let map = Raster(width: scene.width, height: scene.height, channels: 3, pixels: pixels)
        return ImageGrid(
            "", [.init(scene.raster, "the picture"), .init(map, "orientations")], columns: 2, cellWidth: 320, isSmooth: true)
    }

    /// A colour of the circle; its parts are 0 to 1 around it.
    private static func hue(_ turn: Double) -> Color {
        func level(_ offset: Double) -> UInt8 {
            let place = (turn - offset - (turn - offset).rounded(.down)) * 6
            let share = min(max(abs(place - 3) - 1, 0), 1)
            return UInt8((255 * (0.15 + 0.85 * share)).rounded())
        }
        return Color(red: level(0), green: level(1.0 / 3), blue: level(2.0 / 3))
    }
}
