import MartletCore

enum IndexingCases {
    static let all = [
        gatherCase, gatherIntegers, outside, repeated, scatter, elements, sorting, ties, largeSorts, top, shapeOps, slices,
        padding,
    ]

    private static let gathers: [([Int], [Int], Int)] = [
        ([7, 4], [5], 0), ([7, 4], [2, 3], 0), ([3, 6], [4], 1), ([2, 5, 3], [6], 1), ([9], [3], 0), ([4, 3], [], 0),
        ([4, 3], [0], 0),
        ([1, 5], [3], 0), ([50, 17], [40], 0), ([2, 3, 4], [2, 2], -1), ([3, 0], [2], 0),
    ]

    private static let gatherCase = ConformanceCase(.indexing, "gather", draws: gathers.count * 2) { random, draw in
        let (shape, places, axis) = gathers[draw / 2]
        let at = axis < 0 ? shape.count + axis : axis
        return Comparison(
            [random.floats(shape), random.integers(places, 0...shape[at] - 1)], "axis \(axis)", within: .exact,
            gradients: .differences(of: [0], .balanced)
        ) {
            [$0[0].gathered($0[1], axis: axis)]
        } reference: {
            [IndexingReference.gather($0[0], $0[1], axis: at)]
        }
    }

    private static let gatherIntegers = ConformanceCase(.indexing, "gather int32", draws: 2) { random, _ in
        Comparison([random.integers([6, 5], Int(Int32.min)...Int(Int32.max)), random.integers([7], -2...8)], within: .exact) {
            [$0[0].gathered($0[1]), $0[0].transposed().gatheredElements($0[1].reshaped([1, 7]).broadcast(to: [5, 7]))]
        } reference: { inputs in
            let rows = IndexingReference.gather(inputs[0], inputs[1], axis: 0, outside: 0)
            return [rows, rows.permuted([1, 0])]
        }
    }

    private static let outside = ConformanceCase(.indexing, "indices outside", draws: 2) { random, _ in
        let indices = Operand([2, -1, 5, 0, Int32.max, Int32.min, 4], [7])
        return Comparison(
            [random.floats([5, 3]), indices, random.floats([7, 3])], within: .exact,
            gradients: .formula(.strict) { inputs, w in
                // Weighted by NaN-free weights, positions outside add nothing to the gradient.
                [
                    IndexingReference.scatter(w[0], inputs[1], into: [5, 3], axis: 0), nil,
                    IndexingReference.gather(w[1], inputs[1], axis: 0),
                ]
            }
        ) {
            [$0[0].gathered($0[1]), $0[2].scatterAdded($0[1], into: [5, 3])]
        } reference: {
            [IndexingReference.gather($0[0], $0[1], axis: 0), IndexingReference.scatter($0[2], $0[1], into: [5, 3], axis: 0)]
        }
    }

    /// An embedding in which few rows are named often.
    private static let repeated = ConformanceCase(.indexing, "embedding gradient", draws: 3) { random, draw in
        let (rows, width, count) = [(10, 8, 200), (1000, 65, 64), (3, 1, 3000)][draw]
        return Comparison(
            [random.floats([rows, width]), random.integers([count], 0...rows - 1)], within: .exact,
            gradients: .formula(.balanced) { inputs, w in
                [IndexingReference.scatter(w[0], inputs[1], into: [rows, width], axis: 0), nil]
            }
        ) {
            [$0[0].gathered($0[1])]
        } reference: {
            [IndexingReference.gather($0[0], $0[1], axis: 0)]
        }
    }

    private static let scatters: [([Int], [Int], Int)] = [
        ([5, 3], [4, 3], 0), ([2, 6, 3], [2, 4, 3], 1), ([3, 8], [3, 5], -1), ([0, 3], [4, 3], 0), ([7], [2], 0),
        ([4, 2], [9, 2], 0),
    ]

    private static let scatter = ConformanceCase(.indexing, "scatter-add", draws: scatters.count * 2) { random, draw in
        let (shape, target, axis) = scatters[draw / 2]
        let at = axis < 0 ? shape.count + axis : axis
        return Comparison(
            [random.floats(shape), random.integers([shape[at]], 0...target[at] - 1)], "into \(target), axis \(axis)",
            within: .strict,
            gradients: .differences(of: [0], .balanced)
        ) {
            [$0[0].scatterAdded($0[1], into: target, axis: axis)]
        } reference: {
            [IndexingReference.scatter($0[0], $0[1], into: target, axis: at)]
        }
    }

    private static let elements = ConformanceCase(.indexing, "gather elements", draws: 6) { random, draw in
        let (shape, count) = [([4, 6], 3), ([2, 3, 5], 7), ([9], 4), ([5, 1], 2), ([3, 40], 100), ([2, 5], 0)][draw]
        return Comparison(
            [random.floats(shape), random.integers(shape.dropLast() + [count], 0...shape.last! - 1)], within: .exact,
            gradients: .differences(of: [0], .balanced)
        ) {
            [$0[0].gatheredElements($0[1])]
        } reference: {
            [IndexingReference.gatherElements($0[0], $0[1])]
        }
    }

    private static let sortShapes = [[5], [3, 8], [2, 3, 5], [4, 1], [2, 33], [0, 4], [6, 100]]

    private static let sorting = ConformanceCase(.indexing, "sort", draws: sortShapes.count * 2) { random, draw in
        let shape = sortShapes[draw / 2], descending = draw % 2 == 1
        return Comparison(
            [random.distinct(shape)], "descending \(descending)", within: .exact, gradients: .differences(of: [0], .balanced)
        ) {
            let (values, indices) = $0[0].sorted(descending: descending)
            return [values, indices]
        } reference: {
            let (values, indices) = IndexingReference.sort($0[0], descending: descending, first: shape.last!)
            return [values, indices]
        }
    }

    private static let ties = ConformanceCase(.indexing, "sort is stable, NaN is the largest", draws: 4) { random, draw in
        var operand = random.integersAsFloats([3, [9, 70, 300, 1500][draw]], -2...2)
        let special: [Float] = [.nan, .infinity, -.infinity, -0.0, 0]
        operand.mapFloats { value in random.int(0...5) == 0 ? random.pick(special) : value }
        return Comparison([operand], within: .exact) {
            let up = $0[0].sorted(), down = $0[0].sorted(descending: true)
            return [up.values, up.indices, down.values, down.indices]
        } reference: {
            let n = $0[0].shape[1]
            let up = IndexingReference.sort($0[0], descending: false, first: n),
                down = IndexingReference.sort($0[0], descending: true, first: n)
            return [up.values, up.indices, down.values, down.indices]
        }
    }

    private static let largeSorts = ConformanceCase(.indexing, "long sorts", draws: 2) { random, draw in
        let shape = [[1, 20_000], [40, 1025]][draw]
        return Comparison([random.floats(shape)], within: .exact, variesLayout: false) {
            let (values, indices) = $0[0].sorted(), top = $0[0].top(10)
            return [values, indices, top.values, top.indices]
        } reference: {
            let sorted = IndexingReference.sort($0[0], descending: false, first: shape[1])
            let top = IndexingReference.sort($0[0], descending: true, first: 10)
            return [sorted.values, sorted.indices, top.values, top.indices]
        }
    }

    private static let top = ConformanceCase(.indexing, "top", draws: 6) { random, draw in
        let (shape, count) = [([4, 9], 3), ([2, 3, 6], 6), ([7], 1), ([5, 4], 0), ([3, 200], 5), ([64, 10], 5)][draw]
        return Comparison([random.distinct(shape)], "first \(count)", within: .exact, gradients: .differences(of: [0], .balanced))
        {
            let largest = $0[0].top(count), smallest = $0[0].top(count, largest: false)
            return [largest.values, largest.indices, smallest.values, smallest.indices]
        } reference: {
            let largest = IndexingReference.sort($0[0], descending: true, first: count)
            let smallest = IndexingReference.sort($0[0], descending: false, first: count)
            return [largest.values, largest.indices, smallest.values, smallest.indices]
        }
    }

    private static let shapeOps = ConformanceCase(.indexing, "concatenate and one-hot", draws: 4) { random, _ in
        Comparison(
            [random.floats([2, 3]), random.floats([4, 3]), random.floats([0, 3]), random.integers([2, 3], -1...4)],
            within: .exact,
            gradients: .differences(of: [0, 1], .balanced)
        ) {
            [
                concatenate([$0[0], $0[2], $0[1]]), concatenate([$0[0], $0[0], $0[0]], axis: -1), $0[3].oneHot(4),
                $0[3].oneHot(0),
            ]
        } reference: {
            [
                Reference.concatenate([$0[0], $0[1]], axis: 0), Reference.concatenate([$0[0], $0[0], $0[0]], axis: 1),
                { labels in Reference([2, 3, 4]) { labels[[$0[0], $0[1]]] == Double($0[2]) ? 1 : 0 } }($0[3]),
                Reference([2, 3, 0]),
            ]
        }
    }

    private static let slices = ConformanceCase(.indexing, "slices", draws: 6) { random, _ in
        let shape = [random.int(2...6), random.int(2...7), random.int(1...5)], axis = random.int(0...2)
        let start = random.int(0...shape[axis] - 1), end = random.int(start...shape[axis]), step = random.int(1...3)
        return Comparison(
            [random.floats(shape)], "axis \(axis) \(start)..<\(end) step \(step)", within: .exact,
            gradients: .differences(of: [0], .balanced)
        ) {
            [$0[0].sliced(axis: axis, start..<end, step: step), $0[0].sliced(axis: axis - 3, 0..<shape[axis])]
        } reference: {
            [$0[0].sliced(axis: axis, start..<end, step: step), $0[0]]
        }
    }

    private static let padding = ConformanceCase(.indexing, "pad", draws: 4) { random, draw in
        let widths = [[(1, 2), (0, 3)], [(0, 0), (2, 0)], [(3, 1), (1, 1)], [(0, 0), (0, 0)]][draw],
            value: Float = draw % 2 == 0 ? 0 : -1.5
        let shape = [3, 4]
        return Comparison(
            [random.floats(shape)], "\(widths) with \(value)", within: .exact, gradients: .differences(of: [0], .balanced)
        ) {
            [$0[0].padded(widths.map { (before: $0.0, after: $0.1) }, value: value)]
        } reference: { inputs in
            [
                Reference((0..<2).map { shape[$0] + widths[$0].0 + widths[$0].1 }) { index in
                    let inner = (0..<2).map { index[$0] - widths[$0].0 }
                    return (0..<2).allSatisfy { inner[$0] >= 0 && inner[$0] < shape[$0] } ? inputs[0][inner] : Double(value)
                }
            ]
        }
    }
}
