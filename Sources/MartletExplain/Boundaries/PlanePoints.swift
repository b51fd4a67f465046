import Foundation
import MartletCore
import MartletFigures

/// Points of two classes in the plane.
struct PlanePoints {
    let points: [Point]
    /// 0 or 1.
    let labels: [Int]
    /// What is drawn around them.
    let window: ClosedRange<Double>

    /// [n, 2].
    var inputs: Tensor { Tensor(points.flatMap { [Float($0.x), Float($0.y)] }, shape: [points.count, 2]) }
    /// -1 or 1, [n, 1].
    var signs: Tensor { Tensor(labels.map { Float($0 == 1 ? 1 : -1) }, shape: [points.count, 1]) }

    func points(of label: Int) -> [Point] { zip(points, labels).filter { $0.1 == label }.map(\.0) }

    /// The four corners of a square; opposite ones are of one class.
    static let xor = PlanePoints(
        points: [Point(-1, -1), Point(1, 1), Point(-1, 1), Point(1, -1)], labels: [0, 0, 1, 1], window: -2...2)

    /// Two half circles that reach into each other.
    static func moons(_ count: Int, noise: Double, seed: UInt64) throws -> PlanePoints {
        try build(count, noise: noise, seed: seed, window: -2...2) { label, share in
            let angle = Double.pi * share
            return label == 0
                ? Point(cos(angle) - 0.5, sin(angle) - 0.25) : Point(0.5 - cos(angle), 0.25 - sin(angle))
        }
    }

    /// Two arms that wind around each other.
    static func spirals(_ count: Int, turns: Double = 1.4, noise: Double, seed: UInt64) throws -> PlanePoints {
        try build(count, noise: noise, seed: seed, window: -2...2) { label, share in
            let radius = 0.2 + 1.5 * share, angle = 2 * Double.pi * turns * share + (label == 0 ? 0 : Double.pi)
            return Point(radius * cos(angle), radius * sin(angle))
        }
    }

    private static func build(
        _ count: Int, noise: Double, seed: UInt64, window: ClosedRange<Double>, _ place: (Int, Double) -> Point
    ) throws -> PlanePoints {
        let shifts = try Tensor.random(.normal(mean: 0, deviation: 1), shape: [count, 2], key: RandomKey(seed: seed, stream: 90))
            .floats()
        var points: [Point] = []
        for index in 0..<count {
            let exact = place(index % 2, Double(index / 2) / Double(max(count / 2 - 1, 1)))
            points.append(
                Point(exact.x + noise * Double(shifts[2 * index]), exact.y + noise * Double(shifts[2 * index + 1])))
        }
        return PlanePoints(points: points, labels: points.indices.map { $0 % 2 }, window: window)
    }
}

/// The mean of ln(1 + exp(-sign x logit)): the cross-entropy of two classes by one logit.
func logisticLoss(_ logits: Tensor, _ signs: Tensor) -> Tensor { (-(logits * signs)).softplus() }
