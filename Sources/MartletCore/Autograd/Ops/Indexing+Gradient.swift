extension Tensor {
    /// The parts of an axis at int32 `indices` [m], which take the axis's place: an embedding's rows, for one. An index outside
    /// reads as NaN. The part at the index `fixed` gets no gradient.
    public func gathered(
        _ indices: Tensor, axis: Int = 0, fixed: Int32? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axis = self.axis(axis, "gathered", file, line)
        require(indices.type == .int32, "gathered", "int32 indices wanted, not \(indices.type)", file, line)
        let device = Tensor.commonDevice([self, indices], "gathered", file, line)
        let outer = shape[..<axis].reduce(1, *), inner = shape[(axis + 1)...].reduce(1, *), n = shape[axis], m = indices.count
        let result = Tensor(empty: Array(shape[..<axis]) + indices.shape + Array(shape[(axis + 1)...]), type: type, on: device)
        let positions = indices.contiguousView(on: device).reshaped([m]), source = shape
        if result.count > 0 {
            device.gather(
                contiguousView(on: device).reshaped([outer, n, inner]), indices: positions,
                into: result.view(on: device).reshaped([outer, m, inner]))
        }
        return result.recorded([self]) { gradient, _ in
            // An index of -1 adds nothing.
            let moved = fixed.map {
                Tensor.pointwise(
                    .select(.input(0) .== .scalar(0), -1, .input(0)), scalars: [Float($0)], [indices.detached], type: .int32)
            }
            return [
                Tensor(filling: source, on: device) {
                    device.scatterAdd(
                        gradient.contiguousView(on: device).reshaped([outer, m, inner]),
                        indices: moved?.contiguousView(on: device).reshaped([m]) ?? positions,
                        into: $0.reshaped([outer, n, inner]))
                }
            ]
        }
    }

    /// Zeros of `shape`, plus each part of an axis at the place that int32 `indices` [m] gives it along that axis of the result.
    /// The gradient's counterpart of `gathered`; places named twice add up, in order.
    public func scatterAdded(
        _ indices: Tensor, into shape: [Int], axis: Int = 0,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let axis = self.axis(axis, "scatterAdded", file, line), m = indices.count
        require(
            type == .float32 && indices.type == .int32 && indices.rank == 1 && shape.count == rank && self.shape[axis] == m
                && shape.indices.allSatisfy { $0 == axis || shape[$0] == self.shape[$0] },
            "scatterAdded", "\(self.shape) by \(indices.shape) indices into \(shape)", file, line)
        let device = Tensor.commonDevice([self, indices], "scatterAdded", file, line)
        let outer = shape[..<axis].reduce(1, *), inner = shape[(axis + 1)...].reduce(1, *), n = shape[axis]
        let positions = indices.contiguousView(on: device)
        let result = Tensor(filling: shape, on: device) {
            device.scatterAdd(
                self.contiguousView(on: device).reshaped([outer, m, inner]), indices: positions,
                into: $0.reshaped([outer, n, inner]))
        }
        let indices = indices.detached
        return result.recorded([self]) { gradient, _ in [gradient.gathered(indices, axis: axis)] }
    }

    /// The elements along the last axis at int32 `indices`, whose other axes are this tensor's. An index outside reads as NaN.
    public func gatheredElements(_ indices: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        require(
            rank >= 1 && indices.type == .int32 && indices.rank == rank && indices.shape.dropLast() == shape.dropLast(),
            "gatheredElements", "\(shape) by \(indices.type) \(indices.shape)", file, line)
        let device = Tensor.commonDevice([self, indices], "gatheredElements", file, line)
        let rows = shape.dropLast().reduce(1, *), n = shape.last!, m = indices.shape.last!
        let result = Tensor(empty: indices.shape, type: type, on: device)
        let positions = indices.contiguousView(on: device).reshaped([rows, m]), source = shape
        if result.count > 0 {
            device.gatherElements(
                contiguousView(on: device).reshaped([rows, n]), indices: positions,
                into: result.view(on: device).reshaped([rows, m]))
        }
        return result.recorded([self]) { gradient, _ in
            [
                Tensor(filling: source, on: device) {
                    device.scatterAddElements(
                        gradient.contiguousView(on: device).reshaped([rows, m]), indices: positions,
                        into: $0.reshaped([rows, n]))
                }
            ]
        }
    }

    /// Along a last axis of `count` zeros, plus each element at the place that int32 `indices`, of this tensor's shape, gives it. The
    /// gradient's counterpart of `gatheredElements`; places named twice add up, in order.
    public func scatterAddedElements(_ indices: Tensor, into count: Int, file: StaticString = #fileID, line: UInt = #line)
        -> Tensor
    {
        require(
            rank >= 1 && type == .float32 && indices.type == .int32 && indices.shape == shape && count >= 0,
            "scatterAddedElements",
            "\(shape) by \(indices.type) \(indices.shape) into \(count)", file, line)
        let device = Tensor.commonDevice([self, indices], "scatterAddedElements", file, line)
        let rows = shape.dropLast().reduce(1, *), m = shape[rank - 1]
        let positions = indices.contiguousView(on: device).reshaped([rows, m])
        let result = Tensor(filling: shape.dropLast() + [count], on: device) {
            device.scatterAddElements(
                self.contiguousView(on: device).reshaped([rows, m]), indices: positions, into: $0.reshaped([rows, count]))
        }
        let indices = indices.detached
        return result.recorded([self]) { gradient, _ in [gradient.gatheredElements(indices)] }
    }

    /// The elements along the last axis in order, and their int32 positions. Stable; NaN counts as the largest.
    public func sorted(descending: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> (
        values: Tensor, indices: Tensor
    ) {
        require(rank >= 1 && type == .float32, "sorted", "float32 with an axis wanted, not \(type) \(shape)", file, line)
        return ordered(shape[rank - 1], descending: descending)
    }

    /// The `count` largest (or smallest) along the last axis in order, and their int32 positions.
    public func top(_ count: Int, largest: Bool = true, file: StaticString = #fileID, line: UInt = #line) -> (
        values: Tensor, indices: Tensor
    ) {
        require(
            rank >= 1 && type == .float32 && count >= 0 && count <= shape[rank - 1], "top", "\(count) of \(type) \(shape)", file,
            line)
        return ordered(count, descending: largest)
    }

    private func ordered(_ m: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
        let device = resolvedDevice()
        let rows = shape.dropLast().reduce(1, *), n = shape[rank - 1], source = shape
        let values = Tensor(empty: shape.dropLast() + [m], on: device),
            indices = Tensor(empty: values.shape, type: .int32, on: device)
        if values.count > 0 {
            device.sort(
                contiguousView(on: device).reshaped([rows, n]), descending: descending,
                into: values.view(on: device).reshaped([rows, m]), indices: indices.view(on: device).reshaped([rows, m]))
        }
        let recorded = values.recorded([self]) { gradient, _ in
            [
                Tensor(filling: source, on: device) {
                    device.scatterAddElements(
                        gradient.contiguousView(on: device).reshaped([rows, m]),
                        indices: indices.view(on: device).reshaped([rows, m]), into: $0.reshaped([rows, n]))
                }
            ]
        }
        return (recorded, indices)
    }

    /// 1 at each int32 label's place along a new last axis of `classes`, 0 elsewhere.
    public func oneHot(_ classes: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        require(type == .int32 && classes >= 0, "oneHot", "int32 labels wanted, not \(type), \(classes) classes", file, line)
        let positions = Tensor((0..<Int32(classes)).map { $0 })
        return Tensor.pointwise(
            .input(0) .== .input(1), [reshaped(shape + [1]), positions], operation: "oneHot", file: file, line: line)
    }

    /// Zeros (or `value`) added before and behind along each axis.
    public func padded(
        _ widths: [(before: Int, after: Int)], value: Float = 0,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        require(
            widths.count == rank && widths.allSatisfy { $0.before >= 0 && $0.after >= 0 }, "padded", "\(shape) by \(widths)",
            file, line)
        let device = resolvedDevice(file: file, line: line)
        let outer = shape.indices.map { shape[$0] + widths[$0].before + widths[$0].after }, inner = shape
        let result = Tensor(empty: outer, on: device)
        if result.count > 0 {
            result.write(Tensor(repeating: value, shape: outer), on: device)
            var offset = 0
            for axis in inner.indices { offset += widths[axis].before * result.strides[axis] }
            Tensor(result.storage, shape: inner, strides: result.strides, offset: offset).write(self, on: device)
        }
        return result.recorded([self]) { gradient, _ in
            var part = gradient
            for axis in inner.indices { part = part.sliced(axis: axis, widths[axis].before..<widths[axis].before + inner[axis]) }
            return [part]
        }
    }

    /// Zeros of `shape` with this tensor in the slice that begins at `start` and takes every `step`-th along an axis.
    package func placed(in shape: [Int], axis: Int, at start: Int, step: Int) -> Tensor {
        let device = resolvedDevice()
        let result = Tensor(empty: shape, on: device)
        if result.count > 0 {
            result.write(Tensor.zeros(shape), on: device)
            var strides = result.strides
            let offset = start * strides[axis]
            strides[axis] *= step
            Tensor(result.storage, shape: self.shape, strides: strides, offset: offset).write(self, on: device)
        }
        return result
    }
}

/// Tensors joined along an axis.
public func concatenate(_ parts: [Tensor], axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard let first = parts.first else { misuse("concatenate", "no tensors", file, line) }
    let axis = first.axis(axis, "concatenate", file, line)
    for part in parts {
        require(
            part.rank == first.rank && part.type == first.type
                && part.shape.indices.allSatisfy { $0 == axis || part.shape[$0] == first.shape[$0] },
            "concatenate", "\(first.shape) and \(part.shape) along axis \(axis)", file, line)
    }
    let device = Tensor.commonDevice(parts, "concatenate", file, line)
    var shape = first.shape, starts: [Int] = []
    shape[axis] = 0
    for part in parts {
        starts.append(shape[axis])
        shape[axis] += part.shape[axis]
    }
    let result = Tensor(empty: shape, type: first.type, on: device)
    for (part, start) in zip(parts, starts) {
        Tensor(result.storage, shape: part.shape, strides: result.strides, offset: start * result.strides[axis]).write(
            part, on: device)
    }
    let extents = parts.map { $0.shape[axis] }
    return result.recorded(parts) { gradient, _ in
        zip(starts, extents).map { gradient.sliced(axis: axis, $0..<$0 + $1) }
    }
}
