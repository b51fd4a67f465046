/// How boxes are written as shifts and scalings of reference boxes, as in the R-CNN papers and torchvision's `BoxCoder`.
public struct BoxCoding: Hashable, Sendable {
    /// What the shifts in x and y and the logarithms of the scalings in width and height are multiplied by.
    public var weights: [Float]
    /// The largest logarithm of a scaling that decoding takes at its word: ln(1000 / 16).
    public static let largestScaling = Float(4.135166556742356)

    public init(weights: [Float] = [1, 1, 1, 1]) {
        precondition(weights.count == 4 && weights.allSatisfy { $0 > 0 && $0.isFinite }, "BoxCoding: weights \(weights)")
        self.weights = weights
    }

    /// The paper's normalisation of a detector's second stage.
    public static let head = BoxCoding(weights: [10, 10, 5, 5])

    /// Boxes [..., 4] relative to references of the same shape (or one that broadcasts).
    public func encode(_ boxes: Tensor, _ references: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        Boxes.requireBoxes("BoxCoding.encode", [boxes, references], file, line)
        let (b, r) = (Boxes.sides(boxes), Boxes.sides(references))
        let low = Expression.input(0), high = Expression.input(1), rLow = Expression.input(2), rHigh = Expression.input(3)
        let shift = .scalar(0) * ((low + 0.5 * (high - low)) - (rLow + 0.5 * (rHigh - rLow))) / (rHigh - rLow)
        let scaling = .scalar(0) * ((high - low) / (rHigh - rLow)).logarithm
        func code(_ axis: Int, _ expression: Expression, _ weight: Float) -> Tensor {
            Tensor.pointwise(
                expression, scalars: [weight], [b[axis], b[axis + 2], r[axis], r[axis + 2]], operation: "BoxCoding.encode",
                file: file, line: line)
        }
        return concatenate(
            [code(0, shift, weights[0]), code(1, shift, weights[1]), code(0, scaling, weights[2]), code(1, scaling, weights[3])],
            axis: -1)
    }

    /// The boxes [..., 4] that codes [..., 4] relative to references stand for.
    public func decode(_ codes: Tensor, _ references: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        Boxes.requireBoxes("BoxCoding.decode", [codes, references], file, line)
        let (c, r) = (Boxes.sides(codes), Boxes.sides(references))
        let low = Expression.input(2), extent = Expression.input(3) - low
        let center = .input(0) / .scalar(0) * extent + (low + 0.5 * extent)
        let limit = Expression.constant(BoxCoding.largestScaling), code = .input(1) / .scalar(1)
        let half = 0.5 * Expression.select(limit .< code, limit, code).exponential * extent
        func side(_ axis: Int, _ expression: Expression) -> Tensor {
            Tensor.pointwise(
                expression, scalars: [weights[axis], weights[axis + 2]], [c[axis], c[axis + 2], r[axis], r[axis + 2]],
                operation: "BoxCoding.decode", file: file, line: line)
        }
        return concatenate(
            [side(0, center - half), side(1, center - half), side(0, center + half), side(1, center + half)], axis: -1)
    }
}

/// What is done with boxes x1, y1, x2, y2 along the last axis. All of it has gradients.
public enum Boxes {
    /// The four coordinates, each with a last axis of 1.
    static func sides(_ boxes: Tensor) -> [Tensor] {
        (0..<4).map { boxes.sliced(axis: -1, $0..<$0 + 1) }
    }

    static func requireBoxes(_ operation: String, _ boxes: [Tensor], _ file: StaticString, _ line: UInt) {
        for box in boxes {
            require(
                box.rank >= 1 && box.shape.last == 4 && box.type == .float32, operation, "[..., 4] wanted, not \(box.shape)",
                file, line)
        }
    }

    /// Intersection over union of each of a [n, 4] with each of b [m, 4]: [n, m]. Two boxes without area give NaN, as in
    /// torchvision.
    public static func overlaps(_ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        requireBoxes("Boxes.overlaps", [a, b], file, line)
        require(a.rank == 2 && b.rank == 2, "Boxes.overlaps", "\(a.shape) and \(b.shape)", file, line)
        let columns = sides(b).map { $0.reshaped([1, b.shape[0]]) }
        let (x1, y1, x2, y2) = (Expression.input(0), Expression.input(1), Expression.input(2), Expression.input(3))
        let (u1, v1, u2, v2) = (Expression.input(4), Expression.input(5), Expression.input(6), Expression.input(7))
        let width = (x2.minimum(u2) - x1.maximum(u1)).relu, height = (y2.minimum(v2) - y1.maximum(v1)).relu
        let shared = width * height
        let union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared
        return Tensor.pointwise(shared / union, sides(a) + columns, operation: "Boxes.overlaps", file: file, line: line)
    }

    /// Boxes with every side inside an image of this height and width.
    public static func clipped(_ boxes: Tensor, to image: Pair, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        requireBoxes("Boxes.clipped", [boxes], file, line)
        let s = sides(boxes), (w, h) = (Float(image.x), Float(image.y))
        return concatenate([s[0].clamped(0, w), s[1].clamped(0, h), s[2].clamped(0, w), s[3].clamped(0, h)], axis: -1)
    }
}
