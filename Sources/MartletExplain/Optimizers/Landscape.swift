import MartletCore
import MartletFigures
import MartletNN

/// A loss of two numbers.
struct Landscape {
    let name: String
    let title: String
    let formula: String
    let x: ClosedRange<Double>
    let y: ClosedRange<Double>
    let start: (x: Float, y: Float)
    /// A loss is reached when it is at or below this.
    let goal: Double
    let steps: Int
    /// Learning rates by optimizer.
    let rates: [Descender: Float]
    /// Turns a loss into the height that is drawn, so that contour lines lie evenly.
    let height: @Sendable (Double) -> Double
    /// Of coordinates of one shape: single numbers for a step, many for a picture.
    let loss: (_ x: Tensor, _ y: Tensor) throws -> Tensor

    /// The heights over the window. `loss` must take many points at once.
    func field(_ side: Int = 72) throws -> Field {
        let places = Field.places(columns: side, rows: side, x: x, y: y)
        let losses = try withoutGradients {
            try loss(Tensor(places.map { Float($0.x) }), Tensor(places.map { Float($0.y) })).floats()
        }
        return Field(columns: side, rows: side, x: x, y: y, values: losses.map { height(Double($0)) })
    }
}

/// The optimizers that go down, with what distinguishes them.
enum Descender: String, CaseIterable, Sendable {
    case sgd = "SGD"
    case momentum
    case nag = "NAG"
    case adagrad = "Adagrad"
    case rmsprop = "RMSProp"
    case adam = "Adam"

    func optimizer(_ parameters: [Parameter], _ learningRate: Float) -> Optimizer {
        switch self {
        case .sgd: SGD(parameters, learningRate: learningRate)
        case .momentum: SGD(parameters, learningRate: learningRate, momentum: 0.9)
        case .nag: SGD(parameters, learningRate: learningRate, momentum: 0.9, nesterov: true)
        case .adagrad: Adagrad(parameters, learningRate: learningRate)
        case .rmsprop: RMSProp(parameters, learningRate: learningRate)
        case .adam: Adam(parameters, learningRate: learningRate)
        }
    }

    var ink: Ink { .series(Descender.allCases.firstIndex(of: self) ?? 0) }
}

/// A module of two parameters: a place in a landscape.
final class Place: Module {
    let x: Parameter
    let y: Parameter

    init(_ x: Float, _ y: Float) {
        self.x = Parameter(Tensor([x]))
        self.y = Parameter(Tensor([y]))
    }

    var parts: Parts { ["x": x, "y": y] }
}

/// The way down that an optimizer took.
struct Trail {
    let descender: Descender
    let learningRate: Float
    /// One more than there were steps.
    let points: [Point]
    let losses: [Double]
    /// Steps until the loss was first at or below the goal; nil where it never was.
    let stepsToGoal: Int?
    /// How often the way turned back across the y axis before the goal: the zig-zag.
    let reversals: Int

    init(_ descender: Descender, over landscape: Landscape) throws {
        let place = Place(landscape.start.x, landscape.start.y)
        let learningRate = landscape.rates[descender] ?? 0.01
        let optimizer = descender.optimizer(place.parameters, learningRate)
        var rows: [Tensor] = []
        for step in 0...landscape.steps {
            let (loss, gradients) = try valueAndGradient(of: place) {
                try landscape.loss($0.x.value, $0.y.value).reshaped([])
            }
            // Nothing is waited for before the end.
            rows.append(concatenate([place.x.value.detached, place.y.value.detached, loss.reshaped([1])]))
            if step < landscape.steps { optimizer.step(gradients) }
        }
        let values = try concatenate(rows).floats().map(Double.init)
        let points = rows.indices.map { Point(values[3 * $0], values[3 * $0 + 1]) }
        let losses = rows.indices.map { values[3 * $0 + 2] }
        self.descender = descender
        self.learningRate = learningRate
        self.points = points
        self.losses = losses
        stepsToGoal = losses.firstIndex { $0 <= landscape.goal }
        let moves = zip(points, points.dropFirst()).map { $1.y - $0.y }.prefix(stepsToGoal ?? points.count)
        reversals = zip(moves, moves.dropFirst()).count { $0 * $1 < 0 }
    }

    /// All of them, one after the other.
    static func all(over landscape: Landscape) throws -> [Trail] { try Descender.allCases.map { try Trail($0, over: landscape) } }

    var last: Point { points.last ?? Point(.nan, .nan) }
}
