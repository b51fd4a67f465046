import Foundation
import MartletCore

extension Landscape {
    /// A long valley a hundred times as steep across as along.
    static var ravine: Landscape {
        Landscape(
            name: "ravine", title: "A ravine", formula: "x²/20 + 5 y²", x: -11...3, y: -1.6...1.6, start: (-10, 1), goal: 1e-3,
            steps: 260,
            rates: [.sgd: 0.19, .momentum: 0.03, .nag: 0.03, .adagrad: 1.5, .rmsprop: 0.1, .adam: 0.3],
            height: { log10($0 + 0.01) },
            loss: { x, y in x.square * 0.05 + y.square * 5 })
    }

    /// Two hollows along x, the nearer one not the deeper one.
    static var hollows: Landscape {
        Landscape(
            name: "hollows", title: "Two hollows", formula: "x⁴/4 − x²/2 + 0.15 x + y²/2", x: -2.1...2.3, y: -1.5...1.5,
            start: (2, 1), goal: -0.3, steps: 150,
            rates: [.sgd: 0.03, .momentum: 0.03, .nag: 0.03, .adagrad: 0.3, .rmsprop: 0.05, .adam: 0.1],
            height: { log10($0 + 0.6) },
            loss: { x, y in x.square * x.square * 0.25 - x.square * 0.5 + x * 0.15 + y.square * 0.5 })
    }

    /// Down on two sides, up on the other two; the start is a hair off the ridge.
    static var saddle: Landscape {
        Landscape(
            name: "saddle", title: "A saddle", formula: "x²/2 − y²/2 + y⁴/10", x: -1.8...1.8, y: -2.2...2.2, start: (1.5, 0.001),
            goal: -0.6, steps: 120,
            rates: [.sgd: 0.1, .momentum: 0.1, .nag: 0.1, .adagrad: 0.3, .rmsprop: 0.05, .adam: 0.1],
            height: { $0 },
            loss: { x, y in x.square * 0.5 - y.square * 0.5 + y.square * y.square * 0.1 })
    }

    /// Rosenbrock, 1960: a bent valley whose floor is nearly flat.
    static var valley: Landscape {
        Landscape(
            name: "valley", title: "Rosenbrock's valley", formula: "(1 − x)² + 100 (y − x²)²", x: -2...1.8, y: -0.8...2.8,
            start: (-1.5, 2), goal: 0.1, steps: 400,
            rates: [.sgd: 0.001, .momentum: 0.0008, .nag: 0.0008, .adagrad: 0.5, .rmsprop: 0.02, .adam: 0.1],
            height: { log10($0 + 0.02) },
            loss: { x, y in (1 - x).square + (y - x.square).square * 100 })
    }
}
