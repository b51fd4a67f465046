extension Tensor {
    /// The sum over the axes (all of them unless said).
    public func sum(
        _ axes: [Int]? = nil, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axes = reductionAxes(axes, "sum", file, line), source = shape
        return reduced(.sum, axes, keepingDimensions).recorded([self]) { gradient, _ in
            [gradient.reshaped(Tensor.kept(source, axes)).broadcast(to: source)]
        }
    }

    /// The mean over the axes (all of them unless said); NaN over no elements.
    public func mean(
        _ axes: [Int]? = nil, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axes = reductionAxes(axes, "mean", file, line), source = shape
        let share = 1 / Float(axes.reduce(1) { $0 * source[$1] })
        return reduced(.mean, axes, keepingDimensions).recorded([self]) { gradient, _ in
            [(gradient * share).reshaped(Tensor.kept(source, axes)).broadcast(to: source)]
        }
    }

    /// The largest over the axes (all of them unless said). Equal ones share the gradient.
    public func max(
        _ axes: [Int]? = nil, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        extremum(.max, reductionAxes(axes, "max", file, line, nonEmpty: true), keepingDimensions)
    }

    /// The smallest over the axes (all of them unless said). Equal ones share the gradient.
    public func min(
        _ axes: [Int]? = nil, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        extremum(.min, reductionAxes(axes, "min", file, line, nonEmpty: true), keepingDimensions)
    }

    /// The position, int32, of the largest along an axis: the first of equals, and the first NaN before all.
    public func argMax(
        _ axis: Int = -1, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        reduced(.argMax, reductionAxes([axis], "argMax", file, line, nonEmpty: true), keepingDimensions)
    }

    /// The position, int32, of the smallest along an axis: the first of equals, and the first NaN before all.
    public func argMin(
        _ axis: Int = -1, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        reduced(.argMin, reductionAxes([axis], "argMin", file, line, nonEmpty: true), keepingDimensions)
    }

    /// The variance over the axes (all unless said), divided by the count less `correction`.
    public func variance(
        _ axes: [Int]? = nil, correction: Int = 1, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axes = reductionAxes(axes, "variance", file, line), source = detached
        let scale = 2 / Float(axes.reduce(1) { $0 * source.shape[$1] } - correction)
        return reduced(.variance(correction: correction), axes, keepingDimensions).recorded([self]) { gradient, _ in
            let centred = source - source.mean(axes, keepingDimensions: true)
            return [centred * scale * gradient.reshaped(Tensor.kept(source.shape, axes))]
        }
    }

    /// The Euclidean norm over the axes (all of them unless said). Its gradient at 0 is 0.
    public func norm(
        _ axes: [Int]? = nil, keepingDimensions: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axes = reductionAxes(axes, "norm", file, line), source = detached
        let result = reduced(.norm, axes, keepingDimensions)
        return result.recorded([self]) { gradient, _ in
            let shape = Tensor.kept(source.shape, axes)
            let slope = Expression.input(0) * .input(2) / .input(1)
            let safe = Expression.select(.input(1) .== 0, 0, slope)
            return [Tensor.pointwise(safe, [source, result.reshaped(shape), gradient.reshaped(shape)])]
        }
    }

    /// The sum over all axes that `shape` has not, or has with extent 1: the gradient of a broadcast.
    package func summed(to target: [Int]) -> Tensor {
        if target == shape { return self }
        let added = rank - target.count
        let axes = (0..<rank).filter { $0 < added || (target[$0 - added] == 1 && shape[$0] != 1) }
        return reduced(.sum, axes, true).reshaped(target)
    }
}

extension Tensor {
    private func extremum(_ kind: ReductionKind, _ axes: [Int], _ keepingDimensions: Bool) -> Tensor {
        let source = detached
        let result = reduced(kind, axes, keepingDimensions)
        return result.recorded([self]) { gradient, _ in
            let shape = Tensor.kept(source.shape, axes)
            let extreme = Expression.input(0) .== .input(1)
            let ties = Tensor.pointwise(extreme, [source, result.reshaped(shape)])
            let count = ties.reduced(.sum, axes, true)
            return [Tensor.pointwise(.input(0) * .input(1) / .input(2), [ties, gradient.reshaped(shape), count])]
        }
    }

    private func reductionAxes(
        _ axes: [Int]?, _ operation: String, _ file: StaticString, _ line: UInt,
        nonEmpty: Bool = false
    ) -> [Int] {
        require(type == .float32, operation, "float32 wanted, not \(type)", file, line)
        let chosen = (axes ?? Array(0..<rank)).map { axis($0, operation, file, line) }
        require(Set(chosen).count == chosen.count, operation, "axes \(chosen) name one twice", file, line)
        require(
            !nonEmpty || chosen.allSatisfy { shape[$0] > 0 }, operation, "no elements along \(chosen) of \(shape)", file, line)
        return chosen.sorted()
    }

    private static func kept(_ shape: [Int], _ axes: [Int]) -> [Int] {
        shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    }

    /// Reduces sorted axes. Each run of neighbouring axes is one pass where passes can follow each other.
    private func reduced(_ kind: ReductionKind, _ axes: [Int], _ keepingDimensions: Bool) -> Tensor {
        let keptShape = Tensor.kept(shape, axes)
        let finalShape = keepingDimensions ? keptShape : shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
        let device = resolvedDevice()
        if keptShape.contains(0) { return Tensor(empty: finalShape, type: kind.resultType, on: device) }
        var runs: [Range<Int>] = []
        for axis in axes {
            if let last = runs.last, last.upperBound == axis {
                runs[runs.count - 1] = last.lowerBound..<axis + 1
            } else {
                runs.append(axis..<axis + 1)
            }
        }
        if runs.count > 1, !kind.composes {
            let rest = (0..<rank).filter { !axes.contains($0) }
            let gathered = detached.permuted(rest + axes).contiguous(on: device)
            return gathered.reduced(kind, Array(rest.count..<rank), false).reshaped(finalShape)
        }
        if runs.isEmpty { runs = [rank..<rank] }
        var current = self.detached
        for run in runs.reversed() {
            let extents = current.shape
            var next = extents
            for axis in run { next[axis] = 1 }
            let outer = extents[..<run.lowerBound].reduce(1, *), inner = extents[run.upperBound...].reduce(1, *)
            let input = current.contiguousView(on: device).reshaped([outer, extents[run].reduce(1, *), inner])
            let output = Tensor(empty: next, type: kind.resultType, on: device)
            if output.count > 0 { device.reduce(kind, input, into: output.view(on: device).reshaped([outer, inner])) }
            current = output
        }
        return current.reshaped(finalShape)
    }
}

extension ReductionKind {
    /// Whether reducing one axis after the other gives the same.
    fileprivate var composes: Bool {
        switch self {
        case .sum, .mean, .max, .min, .norm: true
        case .argMax, .argMin, .variance: false
        }
    }
}
