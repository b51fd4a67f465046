import Foundation
import MartletFigures
import MartletTraining

/// The pictures and figures of all optimizers on one landscape.
struct DescentCharts {
    let landscape: Landscape
    let trails: [Trail]
    let field: Field

    init(_ landscape: Landscape, side: Int = 72) throws {
        self.landscape = landscape
        trails = try Trail.all(over: landscape)
        field = try landscape.field(side)
    }

    subscript(_ descender: Descender) -> Trail { trails.first { $0.descender == descender } ?? trails[0] }

    /// Contour lines with every path.
    func contours(_ chosen: [Descender] = Descender.allCases, title: String? = nil, size: (Double, Double) = (640, 460)) -> Plot {
        var marks: [Mark] = [
            .field(field, colors: Self.ground), .contours(field, count: 12, ink: .color(Color(0x3A4654)), width: 0.8),
        ]
        for trail in trails where chosen.contains(trail.descender) {
            let name = trail.descender.rawValue, ink = Ink.color(trail.descender.ink.color)
            marks.append(.line(nil, trail.points, ink: .color(Color(0xFFFFFF)), width: 3.6))
            marks.append(.line(name, trail.points, ink: ink, width: 2))
            marks.append(.points(nil, [trail.last], ink: ink, radius: 5))
        }
        let start = Point(Double(landscape.start.x), Double(landscape.start.y))
        marks.append(.points("start", [start], ink: .color(Color(0x111418)), radius: 5, symbol: .square))
        return Plot(title ?? landscape.title, x: Axis("x"), y: Axis("y"), size: size, marks)
    }

    /// Grey-blue hollows, nearly white heights: paths of any colour stand out.
    private static let ground = ColorMap([
        Color(0x8FA8BF), Color(0xAFC2D3), Color(0xCBD8E3), Color(0xE2E9EF), Color(0xF3F6F8), Color(0xFCFCFB),
    ])

    /// The landscape in space, with some of the paths.
    func surface(_ chosen: [Descender], azimuth: Double = -60, elevation: Double = 38, z: String) -> Surface {
        let stepX = (landscape.x.upperBound - landscape.x.lowerBound), stepY = landscape.y.upperBound - landscape.y.lowerBound
        /// The height of the drawn surface, between the places where it is known.
        func height(_ point: Point) -> Double {
            let column = (point.x - landscape.x.lowerBound) / stepX * Double(field.columns - 1)
            let row = (point.y - landscape.y.lowerBound) / stepY * Double(field.rows - 1)
            guard column >= 0, row >= 0, column <= Double(field.columns - 1), row <= Double(field.rows - 1) else { return .nan }
            let (c, r) = (min(Int(column), field.columns - 2), min(Int(row), field.rows - 2))
            let (a, b) = (column - Double(c), row - Double(r))
            let low = field[c, r] * (1 - a) + field[c + 1, r] * a, high = field[c, r + 1] * (1 - a) + field[c + 1, r + 1] * a
            return low * (1 - b) + high * b
        }
        let paths = trails.filter { chosen.contains($0.descender) }.map { trail in
            Surface.Path(
                trail.descender.rawValue, trail.points.map { (x: $0.x, y: $0.y, z: height($0)) }, ink: trail.descender.ink)
        }
        return Surface(
            landscape.title + " in space", field, x: Axis("x"), y: Axis("y"), z: Axis(z), paths: paths, azimuth: azimuth,
            elevation: elevation, size: (640, 500))
    }

    /// The loss by step.
    func losses(title: String = "Loss by step", isLogarithmic: Bool, floor: Double = 1e-6) -> Plot {
        Plot(
            title, x: Axis("step"), y: Axis("loss", isLogarithmic ? .logarithmic : .linear), size: (640, 340),
            trails.map { trail in
                Mark.line(
                    trail.descender.rawValue, [Point](trail.losses.map { isLogarithmic ? max($0, floor) : $0 }),
                    ink: trail.descender.ink)
            } + [.rule(y: landscape.goal, "goal")])
    }

    var table: HTMLPage.Block {
        .table(
            header: ["", "learning rate", "steps to the goal", "turns back", "ends at", "loss there"],
            rows: trails.map { trail in
                [
                    trail.descender.rawValue, tidy(Double(trail.learningRate)),
                    trail.stepsToGoal.map(String.init) ?? "not in \(landscape.steps)", String(trail.reversals),
                    "(\(rounded(trail.last.x)), \(rounded(trail.last.y)))", tidy(trail.losses.last ?? .nan),
                ]
            }, caption: "The goal is a loss of \(tidy(landscape.goal)); a turn back is a step against the one before, along y.")
    }

    private func rounded(_ value: Double) -> String { tidy((value * 1000).rounded() / 1000) }

    var figures: JSON {
        .object([
            ("goal", .number(landscape.goal)), ("steps", .integer(landscape.steps)),
            (
                "optimizers",
                .object(
                    trails.map { trail in
                        (
                            trail.descender.rawValue,
                            [
                                "learningRate": .number(Double("\(trail.learningRate)") ?? 0),
                                "stepsToLoss": trail.stepsToGoal.map { .integer($0) } ?? .null,
                                "reversals": .integer(trail.reversals), "loss": .number(trail.losses.last ?? .nan),
                                "end": [.number(trail.last.x), .number(trail.last.y)],
                            ]
                        )
                    })
            ),
        ])
    }
}
