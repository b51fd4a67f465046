/// A float64 array in row-major order, with naive loops over it. It shares no code with the library, so that a mistake there
/// does not hide here.
public struct Reference: Sendable {
    var shape: [Int]
    var values: [Double]

    init(_ shape: [Int], _ values: [Double]) {
        precondition(values.count == shape.reduce(1, *), "Reference: \(values.count) values for \(shape)")
        self.shape = shape
        self.values = values
    }

    init(_ shape: [Int], repeating value: Double = 0) {
        self.init(shape, Array(repeating: value, count: shape.reduce(1, *)))
    }

    /// An array whose element at each index is `element(index)`.
    init(_ shape: [Int], _ element: ([Int]) -> Double) {
        let indexer = Indexer(shape)
        self.init(shape, (0..<shape.reduce(1, *)).map { element(indexer.index($0)) })
    }

    var count: Int { values.count }

    subscript(_ index: [Int]) -> Double {
        get { values[Indexer(shape).flat(index)] }
        set { values[Indexer(shape).flat(index)] = newValue }
    }

    func map(_ transform: (Double) -> Double) -> Reference { Reference(shape, values.map(transform)) }
}

extension Reference {
    /// Element by element over arrays that broadcast to one shape.
    static func combine(_ arrays: [Reference], _ transform: ([Double]) -> Double) -> Reference {
        let rank = arrays.map(\.shape.count).max() ?? 0
        var shape = [Int](repeating: 1, count: rank)
        for array in arrays {
            for (axis, extent) in array.shape.enumerated() where extent != 1 { shape[rank - array.shape.count + axis] = extent }
        }
        return Reference(shape) { index in transform(arrays.map { $0.broadcastElement(index) }) }
    }

    /// The element that an index of a broadcast result falls on.
    func broadcastElement(_ index: [Int]) -> Double {
        let added = index.count - shape.count
        var flat = 0
        for axis in shape.indices { flat = flat * shape[axis] + (shape[axis] == 1 ? 0 : index[added + axis]) }
        return values[flat]
    }

    func broadcast(to shape: [Int]) -> Reference { Reference(shape) { broadcastElement($0) } }

    func reshaped(_ shape: [Int]) -> Reference { Reference(shape, values) }

    /// Axis i of the result is axis `order[i]`.
    func permuted(_ order: [Int]) -> Reference {
        Reference(order.map { shape[$0] }) { index in
            var source = index
            for (to, from) in order.enumerated() { source[from] = index[to] }
            return self[source]
        }
    }

    func sliced(axis: Int, _ range: Range<Int>, step: Int = 1) -> Reference {
        var extents = shape
        extents[axis] = Array(stride(from: range.lowerBound, to: range.upperBound, by: step)).count
        return Reference(extents) { index in
            var source = index
            source[axis] = range.lowerBound + index[axis] * step
            return self[source]
        }
    }

    /// For each index of the other axes, what `fold` makes of the elements along `axes` (in row-major order).
    func reduced(_ axes: [Int], keepingDimensions: Bool = false, _ fold: ([Double]) -> Double) -> Reference {
        let kept = shape.indices.filter { !axes.contains($0) }
        let outer = kept.map { shape[$0] }, inner = axes.map { shape[$0] }
        let inside = Indexer(inner), count = inner.reduce(1, *)
        let result = Reference(outer) { index in
            var source = [Int](repeating: 0, count: shape.count)
            for (position, axis) in kept.enumerated() { source[axis] = index[position] }
            return fold(
                (0..<count).map { flat in
                    for (position, axis) in zip(inside.index(flat), axes) { source[axis] = position }
                    return self[source]
                })
        }
        return keepingDimensions ? result.reshaped(shape.indices.map { axes.contains($0) ? 1 : shape[$0] }) : result
    }

    static func concatenate(_ parts: [Reference], axis: Int) -> Reference {
        var shape = parts[0].shape
        shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
        return Reference(shape) { index in
            var source = index, part = 0
            while source[axis] >= parts[part].shape[axis] {
                source[axis] -= parts[part].shape[axis]
                part += 1
            }
            return parts[part][source]
        }
    }

    func sum() -> Double { values.reduce(0, +) }
}
