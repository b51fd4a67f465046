/// Reading and writing by index. An index outside reads as NaN and adds nothing.
enum IndexingReference {
    /// The parts of an axis at indices, which take the axis's place.
    static func gather(_ x: Reference, _ indices: Reference, axis: Int, outside: Double = .nan) -> Reference {
        let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
        return Reference(shape) { index in
            let position = Int(indices[Array(index[axis..<axis + indices.shape.count])])
            guard position >= 0, position < x.shape[axis] else { return outside }
            return x[Array(index[..<axis]) + [position] + Array(index[(axis + indices.shape.count)...])]
        }
    }

    /// Adds the parts of `y` (its axis at `axis` is that of the indices) at the indices' places of an array of zeros.
    static func scatter(_ y: Reference, _ indices: Reference, into shape: [Int], axis: Int) -> Reference {
        var x = Reference(shape)
        let indexer = Indexer(y.shape)
        for flat in 0..<y.count {
            var index = indexer.index(flat)
            let position = Int(indices.values[index[axis]])
            guard position >= 0, position < shape[axis] else { continue }
            index[axis] = position
            x[index] += y.values[flat]
        }
        return x
    }

    static func gatherElements(_ x: Reference, _ indices: Reference) -> Reference {
        Reference(indices.shape) { index in
            let position = Int(indices[index])
            guard position >= 0, position < x.shape.last! else { return .nan }
            return x[index.dropLast() + [position]]
        }
    }

    /// Values and positions of the rows in order, equal ones in their first order. NaN counts as the largest.
    static func sort(_ x: Reference, descending: Bool, first count: Int) -> (values: Reference, indices: Reference) {
        let n = x.shape.last!, rows = x.shape.dropLast().reduce(1, *)
        func isAhead(_ a: Double, _ b: Double) -> Bool {
            if a.isNaN || b.isNaN { return descending ? a.isNaN && !b.isNaN : b.isNaN && !a.isNaN }
            return descending ? a > b : a < b
        }
        var values: [Double] = [], indices: [Double] = []
        for row in 0..<rows {
            let all = Array(x.values[row * n..<(row + 1) * n])
            let order = (0..<n).sorted { isAhead(all[$0], all[$1]) || (!isAhead(all[$1], all[$0]) && $0 < $1) }.prefix(count)
            values += order.map { all[$0] }
            indices += order.map(Double.init)
        }
        let shape = x.shape.dropLast() + [count]
        return (Reference(Array(shape), values), Reference(Array(shape), indices))
    }
}
