import Foundation
import MartletCore
import MartletFigures
import MartletModels
import MartletNN

/// What a network of two inputs and one logit makes of the plane.
struct DecisionPlot {
    let model: MLP
    let data: PlanePoints

    /// The probability of class 1 over the window.
    func field(_ side: Int = 64) throws -> Field {
        let places = Field.places(columns: side, rows: side, x: data.window, y: data.window)
        let inputs = Tensor(places.flatMap { [Float($0.x), Float($0.y)] }, shape: [places.count, 2])
        let shares = try withoutGradients { try model(inputs).sigmoid().floats() }
        return Field(columns: side, rows: side, x: data.window, y: data.window, values: shares.map(Double.init))
    }

    /// The share of the points on the right side.
    func accuracy() throws -> Double {
        let right = try withoutGradients { try ((model(data.inputs) * data.signs) .> Tensor(0)).mean().item() }
        return Double(right)
    }

    /// The colours of the probability, the border where it is one half, the points, and the line along which each unit of the first
    /// hidden layer is 0.
    func plot(_ title: String, side: Double = 300, unitLines: Bool = true) throws -> Plot {
        let field = try field()
        var marks: [Mark] = [.field(field, colors: Self.colors, range: 0...1)]
        if unitLines {
            for ends in try self.unitLines() {
                marks.append(.line(nil, ends, ink: .color(Color(0x30343A)), width: 1.1, dashed: true))
            }
        }
        marks.append(.contours(field, levels: [0.5], ink: .color(Color(0x111418)), width: 2.2))
        marks.append(.points(nil, data.points(of: 0), ink: .color(Color(0x0B4F8A)), radius: data.points.count > 10 ? 2.8 : 7))
        marks.append(
            .points(
                nil, data.points(of: 1), ink: .color(Color(0xA33A0E)), radius: data.points.count > 10 ? 2.8 : 7,
                symbol: .square))
        let ticks = [-2.0, -1, 0, 1, 2].map { Axis.Tick($0, tidy($0)) }
        return Plot(
            title, x: Axis(range: data.window, ticks: ticks), y: Axis(range: data.window, ticks: ticks), size: (side, side + 10),
            marks)
    }

    /// Light blue for class 0, light orange for class 1, so that points stand out.
    private static let colors = ColorMap([
        Color(0x6BAED6), Color(0xB5D5EA), Color(0xF4F4F2), Color(0xFBCDAA), Color(0xF0945E),
    ])

    private func unitLines() throws -> [[Point]] {
        let named = Dictionary(model.namedParameters.map { ($0.name, $0.parameter) }) { first, _ in first }
        guard named["fc2.weight"] != nil, let weight = named["fc1.weight"], let bias = named["fc1.bias"] else { return [] }
        let (w, b) = (try weight.value.floats().map(Double.init), try bias.value.floats().map(Double.init))
        return b.indices.compactMap { unit in
            let (x, y) = (w[2 * unit], w[2 * unit + 1]), length = (x * x + y * y).squareRoot()
            guard length > 1e-6 else { return nil }
            let foot = Point(-b[unit] * x / (length * length), -b[unit] * y / (length * length))
            guard abs(foot.x) + abs(foot.y) < 20 else { return nil }
            return [-8.0, 8].map { Point(foot.x - $0 * y / length, foot.y + $0 * x / length) }
        }
    }
}
