/// Pointwise operations that have not been evaluated, perhaps on a matrix product that waits as well.
package struct PendingWork {
    package var expression: Expression
    package var scalars: [Float]
    package var inputs: [PendingInput]
    package var shape: [Int]

    /// The matrices whose product is input 0, where it is one.
    package var product: (left: View, right: View)? {
        if case .product(let left, let right)? = inputs.first { (left, right) } else { nil }
    }

    /// The buffer with the results.
    consuming func run(on device: any Device, _ type: DataType) -> DeviceBuffer {
        if type == .float32 { joinProduct() }
        let result = View(device.allocate(byteCount: shape.reduce(1, *) * type.size), type, shape: shape)
        var views: [View] = []
        views.reserveCapacity(inputs.count)
        for input in inputs { if let view = input.view(shape, on: device) { views.append(view) } }
        guard let (left, right) = product else {
            device.pointwise(expression, scalars: scalars, inputs: views, outputs: [result])
            return result.buffer
        }
        let extents = [1, left.shape[1], right.shape[2]]
        let epilogue = Epilogue(expression, scalars: scalars, operands: views.compactMap(\.asMatrix))
        device.matmul(left, right, into: result.reshaped(extents), epilogue: expression.isIdentity ? nil : epilogue)
        return result.buffer
    }

    /// Makes a product that is an input, and that nothing else refers to, a part of this work: so it is never stored.
    private mutating func joinProduct() {
        guard product == nil else { return }
        for index in inputs.indices {
            guard case .storage(var storage) = inputs[index], let work = storage.pending, work.product != nil,
                work.shape.last == shape.last, inputs.allSatisfy(\.suitsEpilogue)
            else { continue }
            inputs.remove(at: index)
            if isKnownUniquelyReferenced(&storage) { return join(work, at: index) }
            inputs.insert(.storage(storage), at: index)
        }
    }

    private mutating func join(_ work: PendingWork, at index: Int) {
        var builder = ExpressionBuilder(work.expression)
        var positions = inputs.indices.map { builder.add(.input(work.inputs.count + $0)) }
        positions.insert(work.expression.results[0], at: index)
        let results = builder.splice(expression, inputs: positions, firstScalar: work.scalars.count)
        expression = builder.finish(results)
        scalars = work.scalars + scalars
        inputs = work.inputs + inputs
    }
}

/// What pending work reads.
package enum PendingInput {
    /// Of the work's shape.
    case view(View)
    /// The storage's elements in their order; they may wait for work of their own.
    case storage(Storage)
    /// Two matrices [1, m, k] and [1, k, n]. Only input 0 is one.
    case product(left: View, right: View)

    /// The elements where they lie; nil for a product.
    func view(_ shape: [Int], on device: any Device) -> View? {
        switch self {
        case .view(let view): view
        case .storage(let storage): View(storage.realize(on: device), storage.type, shape: shape)
        case .product: nil
        }
    }

    /// Whether a product's epilogue can read it.
    fileprivate var suitsEpilogue: Bool {
        if case .view(let view) = self { view.type == .float32 && view.asMatrix != nil } else { true }
    }
}

extension View {
    /// [1, rows, columns] of the last axis's columns; nil where the rows are not equally far apart.
    fileprivate var asMatrix: View? {
        var rows = 1, step = 0
        for axis in (0..<rank - 1).reversed() where shape[axis] != 1 {
            if rows > 1, strides[axis] != step * rows { return nil }
            if rows == 1 { step = strides[axis] }
            rows *= shape[axis]
        }
        return View(buffer, type, offset: offset, shape: [1, rows, shape[rank - 1]], strides: [0, step, strides[rank - 1]])
    }
}
