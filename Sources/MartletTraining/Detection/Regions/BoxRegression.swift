import MartletCore
import MartletData
import MartletModels

/// Linear regressions that move a class's boxes onto its objects: the codes of `BoxCoding` from a region's features, by least squares
/// with a ridge. Girshick et al., "Rich feature hierarchies", 2014, appendix C.
struct BoxRegression {
    /// Four codes from features: [4][f], and their constants.
    struct Fit {
        var weights: [[Float]]
        var bias: [Float]
    }

    private let features: RegionFeatures
    private let scale: Float
    private let overlap: Float
    private let ridge: Double

    /// - Parameters:
    ///   - scale: of the features.
    ///   - overlap: a proposal that overlaps an object by more is taken for its.
    init(_ features: RegionFeatures, scale: Float, overlap: Float, ridge: Double) {
        (self.features, self.scale, self.overlap, self.ridge) = (features, scale, overlap, ridge)
    }

    /// - Returns: for features as they are; nil where no proposal is near an object of the class.
    func fit(label: Int) throws -> Fit? {
        let width = features.mapsWidth
        var products: Tensor?, right: Tensor?, sums = Tensor.zeros([width]), total = [Double](repeating: 0, count: 4), count = 0
        for index in 0..<features.data.count
        where features.data.annotation(at: index).objects.contains(where: { $0.label == label }) {
            let image = try features.image(index), pairs = matches(image, label)
            guard !pairs.isEmpty else { continue }
            func boxes(_ list: [BoundingBox]) -> Tensor {
                Tensor(list.flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] }, shape: [list.count, 4])
            }
            let codes = BoxCoding().encode(
                boxes(pairs.map { image.truths[$0.truth].box }), boxes(pairs.map { image.boxes[$0.row] }))
            let values = try codes.floats()
            for code in 0..<4 { for row in pairs.indices { total[code] += Double(values[4 * row + code]) } }
            count += pairs.count
            let rows = pairs.flatMap { image.maps[$0.row * width..<($0.row + 1) * width] }
            let x = Tensor(rows, shape: [pairs.count, width]) * scale, turned = x.transposed()
            products = (products.map { $0 + matmul(turned, x) } ?? matmul(turned, x)).evaluated()
            right = (right.map { $0 + matmul(turned, codes) } ?? matmul(turned, codes)).evaluated()
            sums = (sums + x.sum([0])).evaluated()
        }
        guard count > 0, let products, let right else { return nil }
        // The codes' means are taken off first, so that the ridge does not hold the constants back.
        let means = total.map { Float($0 / Double(count)) }
        let goals = right - matmul(sums.reshaped([width, 1]), Tensor(means, shape: [1, 4]))
        let solved = try RidgeSolver(products, ridge: ridge).solve(goals)
        return Fit(weights: solved.map { $0.map { $0 * scale } }, bias: means)
    }

    /// Proposals near an object of the class, each with the nearest.
    private func matches(_ image: RegionFeatures.OfImage, _ label: Int) -> [(row: Int, truth: Int)] {
        (image.truths.count..<image.boxes.count).compactMap { row in
            let best = image.truths.indices.max {
                image.boxes[row].overlap(with: image.truths[$0].box) < image.boxes[row].overlap(with: image.truths[$1].box)
            }
            guard let best, image.truths[best].label == label, image.boxes[row].overlap(with: image.truths[best].box) > overlap
            else { return nil }
            return (row, best)
        }
    }
}

/// Solves (A + ridge I) x = b for a symmetric A [n, n] without negative eigenvalues, by conjugate gradients. Hestenes and Stiefel, 1952.
package struct RidgeSolver {
    private let matrix: Tensor
    private let ridge: Double

    package init(_ matrix: Tensor, ridge: Double) {
        self.matrix = matrix
        self.ridge = ridge
    }

    /// - Parameter right: [n, k].
    /// - Returns: [k][n].
    package func solve(_ right: Tensor) throws -> [[Float]] {
        let (n, columns) = (right.shape[0], right.shape[1]), values = try right.floats()
        var solutions = [[Double]](repeating: [Double](repeating: 0, count: n), count: columns)
        var rests = (0..<columns).map { column in (0..<n).map { Double(values[$0 * columns + column]) } }
        var directions = rests
        func square(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 } }
        var squares = rests.map(square)
        let goals = squares.map { $0 * 1e-12 }
        for _ in 0..<min(n, 1000) {
            if zip(squares, goals).allSatisfy({ $0 <= $1 }) { break }
            var flat = [Float](repeating: 0, count: n * columns)
            for column in 0..<columns { for row in 0..<n { flat[row * columns + column] = Float(directions[column][row]) } }
            let products = try matmul(matrix, Tensor(flat, shape: [n, columns])).floats()
            for column in 0..<columns where squares[column] > goals[column] {
                let image = (0..<n).map { Double(products[$0 * columns + column]) + ridge * directions[column][$0] }
                let curvature = zip(directions[column], image).reduce(0) { $0 + $1.0 * $1.1 }
                guard curvature > 0 else { continue }
                let step = squares[column] / curvature
                for row in 0..<n {
                    solutions[column][row] += step * directions[column][row]
                    rests[column][row] -= step * image[row]
                }
                let next = square(rests[column]), share = next / squares[column]
                for row in 0..<n { directions[column][row] = rests[column][row] + share * directions[column][row] }
                squares[column] = next
            }
        }
        return solutions.map { $0.map(Float.init) }
    }
}
