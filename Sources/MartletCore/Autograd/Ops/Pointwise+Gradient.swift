extension Tensor {
    /// A chain is evaluated when it would grow beyond this many steps.
    package static let longestChain = 64
    /// A chain is evaluated when it would read more tensors than this.
    package static let mostInputs = 12

    /// The expression at every index of the operands, broadcast to one shape. It waits, and joins the expressions of operands
    /// that wait too.
    public static func pointwise(
        _ expression: Expression, scalars: [Float] = [], _ operands: [Tensor], type: DataType = .float32,
        operation: String = "pointwise", file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        require(
            expression.results.count == 1 && expression.inputCount == operands.count && expression.scalarCount == scalars.count,
            operation, "\(expression.inputCount) inputs and \(expression.scalarCount) scalars wanted", file, line)
        let device = commonDevice(operands, operation, file, line)
        var shape = operands.first?.shape ?? []
        for operand in operands where operand.shape != shape {
            guard let both = Shapes.broadcast(shape, operand.shape) else {
                misuse(operation, operands.map { "\($0.shape)" }.joined(separator: " and "), file, line)
            }
            shape = both
        }
        let result = delayed(
            expression, scalars: scalars, operands.lazy.map(Optional.some), shape: shape, type: type, on: device)
        guard Recording.isOn, operands.contains(where: { $0.node != nil }) else { return result }
        let derivatives = expression.derivatives, shapes = operands.map(\.shape)
        let wanted = zip(derivatives, operands).compactMap { derivative, operand in
            operand.node == nil ? nil : derivative?.inputsRead
        }
        // Operands that no derivative reads (those of a sum, say) are not kept alive.
        let kept = operands.enumerated().map { index, operand in wanted.contains { $0[index] } ? operand.detached : nil }
        return result.recorded(operands, named: operation) { gradient, needed in
            derivatives.enumerated().map { index, derivative in
                guard let derivative, needed[index] else { return nil }
                let full = delayed(derivative, scalars: scalars, kept + [gradient], shape: shape, type: .float32, on: device)
                return full.summed(to: shapes[index])
            }
        }
    }

    /// Builds the waiting work, joined with that of operands as far as the limits allow. Operands that the expression does not
    /// read may be nil.
    private static func delayed<Operands: RandomAccessCollection>(
        _ expression: Expression, scalars: [Float], _ operands: Operands, shape: [Int],
        type: DataType, on device: any Device
    ) -> Tensor where Operands.Element == Tensor?, Operands.Index == Int {
        if shape.contains(0) { return Tensor(empty: shape, type: type, on: device) }
        if case .input(let index) = expression.operations[expression.results[0]], let operand = operands[index],
            operand.type == type
        {
            return operand.broadcastView(to: shape)
        }
        let inputs = expression.readsAllInputs ? distinctInputs(operands, shape, on: device) : nil
        let work =
            inputs.map { PendingWork(expression: expression, scalars: scalars, inputs: $0, shape: shape) }
            ?? joined(expression, scalars: scalars, operands, shape: shape, on: device)
        return Tensor(Storage(pending: work, on: device, type: type), shape: shape)
    }

    /// What an expression reads where there is nothing to join: no operand waits, and none is there twice.
    private static func distinctInputs<Operands: RandomAccessCollection>(
        _ operands: Operands, _ shape: [Int], on device: any Device
    ) -> [PendingInput]? where Operands.Element == Tensor?, Operands.Index == Int {
        for operand in operands where operand?.joinableWork != nil { return nil }
        var inputs: [PendingInput] = []
        inputs.reserveCapacity(operands.count)
        for operand in operands {
            guard let input = operand?.pendingInput(shape, on: device), !inputs.contains(where: input.isSame) else { return nil }
            inputs.append(input)
        }
        return inputs
    }

    /// Work joined with that of operands as far as the limits allow.
    private static func joined<Operands: RandomAccessCollection>(
        _ expression: Expression, scalars: [Float], _ operands: Operands, shape: [Int], on device: any Device
    ) -> PendingWork where Operands.Element == Tensor?, Operands.Index == Int {
        var chain = ChainBuilder(shape: shape, device: device)
        var budget = longestChain - expression.operations.count
        var positions = [Int](repeating: -1, count: operands.count)
        let read = expression.inputsRead
        var waiting = operands.indices.filter { read[$0] }
        for index in waiting {
            guard let work = operands[index]?.joinableWork, work.expression.operations.count <= budget,
                chain.inputCount + work.inputs.count + waiting.count - 1 <= mostInputs
            else { continue }
            budget -= work.expression.operations.count
            positions[index] = chain.splice(work)
            waiting.removeAll { $0 == index }
        }
        for index in waiting {
            guard let operand = operands[index] else { continue }
            positions[index] = chain.input(operand.pendingInput(shape, on: device))
        }
        return chain.finish(expression, scalars: scalars, inputs: positions)
    }

    /// The waiting work that makes exactly this tensor's float elements.
    private var joinableWork: PendingWork? {
        guard type == .float32, isWhole, let work = storage.pending, work.shape == shape, work.product == nil else { return nil }
        return work
    }

    /// The tensor as it is read by work of that shape; only a product of just that shape may still wait.
    private func pendingInput(_ shape: [Int], on device: any Device) -> PendingInput {
        if type == .float32, self.shape == shape, isWhole, storage.pending?.product != nil { return .storage(storage) }
        return .view(broadcastView(to: shape).view(on: device))
    }
}

/// Joins waiting work into one expression over views of one shape.
private struct ChainBuilder {
    private let shape: [Int]
    private let device: any Device
    private var builder = ExpressionBuilder()
    private var inputs: [PendingInput] = []
    private var scalars: [Float] = []

    init(shape: [Int], device: any Device) {
        self.shape = shape
        self.device = device
    }

    var inputCount: Int { inputs.count }

    mutating func input(_ input: PendingInput) -> Int {
        if let known = inputs.firstIndex(where: { $0.isSame(as: input) }) { return builder.add(.input(known)) }
        inputs.append(input)
        return builder.add(.input(inputs.count - 1))
    }

    mutating func splice(_ work: PendingWork) -> Int {
        if inputs.isEmpty && builder.count == 0 && work.shape == shape {
            (builder, inputs, scalars) = (ExpressionBuilder(work.expression), work.inputs, work.scalars)
            return work.expression.results[0]
        }
        let positions = work.inputs.map { input(work.shape == shape ? $0 : $0.broadcast(work.shape, to: shape, on: device)) }
        defer { scalars += work.scalars }
        return builder.splice(work.expression, inputs: positions, firstScalar: scalars.count)[0]
    }

    consuming func finish(_ expression: Expression, scalars more: [Float], inputs positions: [Int]) -> PendingWork {
        let results = builder.splice(expression, inputs: positions, firstScalar: scalars.count)
        return PendingWork(expression: builder.finish(results), scalars: scalars + more, inputs: inputs, shape: shape)
    }
}

extension PendingInput {
    fileprivate func isSame(as other: PendingInput) -> Bool {
        switch (self, other) {
        case (.view(let a), .view(let b)):
            a.buffer === b.buffer && a.offset == b.offset && a.strides == b.strides && a.type == b.type
        case (.storage(let a), .storage(let b)): a === b
        default: false
        }
    }

    fileprivate func broadcast(_ shape: [Int], to newShape: [Int], on device: any Device) -> PendingInput {
        view(shape, on: device).map { .view($0.broadcast(to: newShape)) } ?? self
    }
}

extension View {
    /// The view with axes of extent 1, or none, repeated to a shape that `Shapes.broadcast` allows.
    package func broadcast(to newShape: [Int]) -> View {
        if newShape == shape { return self }
        let newStrides = Shapes.broadcastStrides(shape, strides: strides, to: newShape)
        return View(buffer, type, offset: offset, shape: newShape, strides: newStrides)
    }
}
