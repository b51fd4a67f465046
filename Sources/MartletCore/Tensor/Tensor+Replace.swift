extension Tensor {
    /// Overwrites the part of an axis that begins at `start`: in place where nothing else refers to the elements, else in a copy.
    /// The result has no gradient.
    public mutating func replace(
        axis: Int, at start: Int, with part: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) {
        let axis = self.axis(axis, "replace", file, line)
        require(
            part.rank == rank && part.type == type && start >= 0 && start + part.shape[axis] <= shape[axis]
                && shape.indices.allSatisfy { $0 == axis || part.shape[$0] == shape[$0] },
            "replace", "\(part.type) \(part.shape) at \(start) of axis \(axis) of \(type) \(shape)", file, line)
        let device = Tensor.commonDevice([self, part], "replace", file, line)
        makeWritable(on: device)
        Tensor(storage, shape: part.shape, strides: strides, offset: offset + start * strides[axis]).write(part, on: device)
    }
}
