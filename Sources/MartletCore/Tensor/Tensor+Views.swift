/// Other ways to look at the same elements. None of them copies unless it says so.
extension Tensor {
    /// The elements in row-major order with other extents; one extent may be -1 and follows from the rest. Copies where
    /// the elements do not lie in order.
    public func reshaped(_ newShape: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        var extents = newShape
        if let open = extents.firstIndex(of: -1) {
            let known = extents.enumerated().reduce(1) { $1.offset == open ? $0 : $0 * $1.element }
            require(known != 0 && count % known == 0, "reshaped", "\(shape) to \(newShape)", file, line)
            extents[open] = count / known
        }
        require(
            extents.allSatisfy { $0 >= 0 } && extents.reduce(1, *) == count, "reshaped", "\(shape) to \(newShape)", file, line)
        if extents == shape { return self }
        let original = shape
        let source = isDense ? detached : contiguous(on: resolvedDevice(file: file, line: line))
        let result = Tensor(source.storage, shape: extents, offset: source.offset)
        return result.recorded([self]) { gradient, _ in [gradient.reshaped(original)] }
    }

    /// Whether the elements lie in row-major order without gaps.
    package var isDense: Bool { Shapes.isRowMajor(shape, strides: strides) }

    /// The axes in another order: axis i of the result is axis `order[i]` of this.
    public func permuted(_ order: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        var inverse = [Int](repeating: -1, count: rank)
        for (to, from) in order.enumerated() where to < rank { inverse[axis(from, "permuted", file, line)] = to }
        require(order.count == rank && !inverse.contains(-1), "permuted", "\(order) for \(shape)", file, line)
        var newShape = shape, newStrides = strides
        for (from, to) in inverse.enumerated() {
            newShape[to] = shape[from]
            newStrides[to] = strides[from]
        }
        let result = reviewed(shape: newShape, strides: newStrides)
        return node == nil ? result : result.recorded([self]) { [inverse] gradient, _ in [gradient.permuted(inverse)] }
    }

    /// Two axes exchanged; the last two unless said.
    public func transposed(_ first: Int = -2, _ second: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let first = axis(first, "transposed", file, line), second = axis(second, "transposed", file, line)
        var newShape = shape, newStrides = strides
        newShape.swapAt(first, second)
        newStrides.swapAt(first, second)
        let result = reviewed(shape: newShape, strides: newStrides)
        return node == nil ? result : result.recorded([self]) { gradient, _ in [gradient.transposed(first, second)] }
    }

    /// The shape with extents of 1 repeated, by NumPy's rule.
    public func broadcast(to newShape: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        require(Shapes.broadcast(shape, newShape) == newShape, "broadcast", "\(shape) to \(newShape)", file, line)
        let original = shape
        return broadcastView(to: newShape).recorded([self]) { gradient, _ in [gradient.summed(to: original)] }
    }

    package func broadcastView(to newShape: [Int]) -> Tensor {
        if newShape == shape { return detached }
        return reviewed(shape: newShape, strides: Shapes.broadcastStrides(shape, strides: strides, to: newShape))
    }

    /// The part of an axis from `range.lowerBound` to below `range.upperBound`, every `step`-th.
    public func sliced(axis: Int, _ range: Range<Int>, step: Int = 1, file: StaticString = #fileID, line: UInt = #line) -> Tensor
    {
        let axis = self.axis(axis, "sliced", file, line)
        require(
            range.lowerBound >= 0 && range.upperBound <= shape[axis] && step >= 1, "sliced",
            "\(range) step \(step) of axis \(axis) of \(shape)", file, line)
        var newShape = shape, newStrides = strides
        newShape[axis] = (range.count + step - 1) / step
        newStrides[axis] *= step
        let original = shape
        return Tensor(storage, shape: newShape, strides: newStrides, offset: offset + range.lowerBound * strides[axis])
            .recorded([self]) { gradient, _ in
                [gradient.placed(in: original, axis: axis, at: range.lowerBound, step: step)]
            }
    }

    /// A new axis of extent 1 before the given one (-1: behind the last).
    public func expanded(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let position = axis < 0 ? rank + 1 + axis : axis
        require((0...rank).contains(position), "expanded", "axis \(axis) of \(shape)", file, line)
        var newShape = shape, newStrides = strides
        newShape.insert(1, at: position)
        newStrides.insert(position < rank ? strides[position] * Swift.max(shape[position], 1) : 1, at: position)
        let original = shape
        return reviewed(shape: newShape, strides: newStrides).recorded([self]) { gradient, _ in [gradient.reshaped(original)] }
    }

    /// Without an axis of extent 1.
    public func squeezed(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let axis = self.axis(axis, "squeezed", file, line)
        require(shape[axis] == 1, "squeezed", "axis \(axis) of \(shape)", file, line)
        var newShape = shape, newStrides = strides
        newShape.remove(at: axis)
        newStrides.remove(at: axis)
        let original = shape
        return reviewed(shape: newShape, strides: newStrides).recorded([self]) { gradient, _ in [gradient.reshaped(original)] }
    }

    /// All axes from one on made one.
    public func flattened(from first: Int = 1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        require((0..<Swift.max(rank, 1)).contains(first), "flattened", "from axis \(first) of \(shape)", file, line)
        return reshaped(Array(shape[..<first]) + [shape[first...].reduce(1, *)], file: file, line: line)
    }

    /// An axis counted from the front; negative ones count from the end.
    package func axis(_ axis: Int, _ operation: String, _ file: StaticString, _ line: UInt) -> Int {
        let position = axis < 0 ? rank + axis : axis
        require((0..<rank).contains(position), operation, "axis \(axis) of \(shape)", file, line)
        return position
    }

    private func reviewed(shape: [Int], strides: [Int]) -> Tensor {
        Tensor(storage, shape: shape, strides: strides, offset: offset)
    }
}
