/// A function applied to the result of a product or convolution in the same pass, whose derivative follows from its result.
public struct FusedActivation: Sendable {
    /// Of input 0.
    package let function: Expression
    /// The gradient of the argument from the result (input 0) and the result's gradient (input 1).
    let derivative: Expression

    public static let relu = FusedActivation(
        function: .input(0).relu, derivative: .select(.input(0) .<= 0, 0, .input(1)))
    public static let sigmoid = FusedActivation(
        function: .input(0).sigmoid, derivative: .input(1) * (.input(0) * (1 - .input(0))))
    public static let tanh = FusedActivation(
        function: .input(0).hyperbolicTangent, derivative: .input(1) * (1 - .input(0).square))
}

/// The matrix product over the last two axes; those before are batches and broadcast. A vector on the left is a row, on the
/// right a column, and its axis of extent 1 is dropped from the result.
public func matmul(_ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    require(a.rank >= 1 && b.rank >= 1, "matmul", "\(a.shape) by \(b.shape)", file, line)
    if a.rank == 1 { return matmul(a.reshaped([1, a.shape[0]]), b, file: file, line: line).squeezed(axis: b.rank == 1 ? 0 : -2) }
    if b.rank == 1 { return matmul(a, b.reshaped([b.shape[0], 1]), file: file, line: line).squeezed(axis: -1) }
    let left = a.detached, right = b.detached
    return product(left, right, waits: true, file: file, line: line).recorded([a, b]) { gradient, needed in
        [
            needed[0] ? product(gradient, right.transposed(), waits: true).summed(to: left.shape) : nil,
            needed[1] ? weightGradient(left, gradient, of: right) : nil,
        ]
    }
}

/// x * weight^T + bias, then the activation: x [..., in], weight [out, in], bias [out].
public func linear(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, activation: FusedActivation? = nil,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        x.rank >= 1 && weight.rank == 2 && x.shape.last == weight.shape[1] && (bias == nil || bias!.shape == [weight.shape[0]]),
        "linear", "\(x.shape) by weight \(weight.shape) and bias \(bias?.shape ?? [])", file, line)
    if x.rank == 1 {
        return linear(x.reshaped([1, x.shape[0]]), weight, bias: bias, activation: activation, file: file, line: line).squeezed(
            axis: 0)
    }
    let device = Tensor.commonDevice([x, weight] + (bias.map { [$0] } ?? []), "linear", file, line)
    let input = x.detached, kernel = weight.detached
    let epilogue = Epilogue.make(bias: bias?.view(on: device), biasAxis: -1, activation: activation)
    let result = product(input, kernel.transposed(), epilogue: epilogue, waits: true, file: file, line: line)
    let inputs = [x, weight] + (bias.map { [$0] } ?? [])
    // A result that nothing refers to may become a part of the work that reads it.
    let activated = activation.map { (derivative: $0.derivative, result: result) }
    return result.recorded(inputs) { (gradient: consuming Tensor, needed: [Bool]) in
        let gradient = slope(activated, consume gradient)
        var parts = [
            needed[0] ? product(gradient, kernel, waits: true) : nil,
            needed[1] ? weightGradient(gradient, input, of: kernel) : nil,
        ]
        if bias != nil { parts.append(needed[2] ? gradient.summed(to: [kernel.shape[0]]) : nil) }
        return parts
    }
}

/// The gradient of an activation's argument, if there is one. It gives the result's gradient away, which may be a product that waits.
private func slope(_ activated: (derivative: Expression, result: Tensor)?, _ gradient: consuming Tensor) -> Tensor {
    guard let activated else { return gradient }
    return Tensor.pointwise(activated.derivative, [activated.result, consume gradient])
}

/// An epilogue with a bias along one axis (-1: the last) and an activation, before its operands are broadcast.
struct EpiloguePlan {
    var bias: View?
    var biasAxis: Int
    var activation: FusedActivation?
}

extension Epilogue {
    static func make(bias: View?, biasAxis: Int, activation: FusedActivation?) -> EpiloguePlan? {
        bias == nil && activation == nil ? nil : EpiloguePlan(bias: bias, biasAxis: biasAxis, activation: activation)
    }
}

extension EpiloguePlan {
    private static let plusBias = Expression.input(0) + .input(1)

    /// The epilogue for a result of this shape.
    func epilogue(for shape: [Int]) -> Epilogue {
        let argument = bias == nil ? Expression.input(0) : Self.plusBias
        let expression = activation.map { activation in argument.followed(by: activation.function) } ?? argument
        guard let bias else { return Epilogue(expression) }
        var strides = shape.map { _ in 0 }
        strides[biasAxis < 0 ? shape.count + biasAxis : biasAxis] = bias.strides[0]
        return Epilogue(expression, operands: [View(bias.buffer, .float32, offset: bias.offset, shape: shape, strides: strides)])
    }
}

extension Expression {
    /// A function of one input applied to this expression's result.
    func followed(by function: Expression) -> Expression {
        var builder = ExpressionBuilder(inputCount: inputCount, scalarCount: scalarCount)
        let inputs = (0..<inputCount).map { builder.add(.input($0)) }
        let value = builder.splice(self, inputs: inputs, firstScalar: 0)
        let results = builder.splice(function, inputs: value, firstScalar: scalarCount)
        return builder.finish(results)
    }
}

/// The product without a record. One that `waits` is computed when something reads it, perhaps in one pass with what that does to it.
private func product(
    _ a: Tensor, _ b: Tensor, epilogue: EpiloguePlan? = nil, waits: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let m = a.shape[a.rank - 2], k = a.shape[a.rank - 1], n = b.shape[b.rank - 1]
    if b.rank == 2, let left = MatrixOperand.matrix(a), let right = MatrixOperand.matrix(b), b.shape[0] == k, n > 0 {
        let device = Tensor.commonDevice([a, b], "matmul", file, line)
        var shape = a.shape
        shape[shape.count - 1] = n
        let leftView = left.view(of: a, on: device), rightView = right.view(of: b, on: device)
        let result = Tensor(waiting: leftView, rightView, epilogue, shape: shape, on: device)
        return waits ? result : result.evaluated()
    }
    let batch = Shapes.broadcast(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
    guard let batch, b.shape[b.rank - 2] == k, a.type == .float32, b.type == .float32 else {
        misuse("matmul", "\(a.shape) by \(b.shape)", file, line)
    }
    let device = Tensor.commonDevice([a, b], "matmul", file, line)
    let result = Tensor(empty: batch + [m, n], on: device)
    if result.count == 0 { return result }
    var left = a, right = b, extents = [batch.reduce(1, *), m, n]
    if b.rank == 2, a.rank > 2 {
        left = a.flattenedRows
        extents = [1, left.shape[0], n]
    }
    let lowered = MatrixOperand.batched(&left, batch: left.rank == 2 ? [] : batch, on: device)
    let loweredRight = MatrixOperand.batched(&right, batch: right.rank == 2 ? [] : batch, on: device)
    let aView = View(
        lowered.buffer, .float32, offset: lowered.offset, shape: [extents[0], extents[1], k], strides: lowered.strides)
    let bView = View(
        loweredRight.buffer, .float32, offset: loweredRight.offset, shape: [extents[0], k, n], strides: loweredRight.strides)
    device.matmul(aView, bView, into: result.view(on: device).reshaped(extents), epilogue: epilogue?.epilogue(for: extents))
    return result
}

/// The gradient of a matrix that was multiplied from the left by `a` [..., m, k]: a^T * gradient, summed over the batches that
/// the matrix does not have. One product where the matrix has none; of a matrix that is a transposed view in the order in which its
/// elements lie, as the optimizer wants them.
private func weightGradient(_ a: Tensor, _ gradient: Tensor, of matrix: Tensor) -> Tensor {
    if matrix.rank == 2 {
        let rows = a.flattenedRows, flat = gradient.flattenedRows
        if rows.shape[0] == flat.shape[0] {
            let isTransposed = matrix.strides[0] == 1 && matrix.strides[1] > 1
            return isTransposed ? product(flat.transposed(), rows).transposed() : product(rows.transposed(), flat)
        }
    }
    return product(a.transposed(), gradient).summed(to: matrix.shape)
}

extension Tensor {
    /// A product that waits.
    fileprivate init(waiting left: View, _ right: View, _ epilogue: EpiloguePlan?, shape: [Int], on device: any Device) {
        let epilogue = epilogue?.epilogue(for: shape)
        let work = PendingWork(
            expression: epilogue?.expression ?? .input(0), scalars: [],
            inputs: [.product(left: left, right: right)] + (epilogue?.operands ?? []).map { .view($0) }, shape: shape)
        self.init(Storage(pending: work, on: device, type: .float32), shape: shape)
    }

    /// The rows along the last axis as one matrix.
    fileprivate var flattenedRows: Tensor { reshaped([shape.dropLast().reduce(1, *), shape[rank - 1]]) }
}

/// A tensor as a device's matrices want it.
private struct MatrixOperand {
    let rows: Int
    let columns: Int
    private let strides: [Int]

    /// A float32 tensor as the one matrix that its axes but the last make the rows of; nil where it has no elements, or they do not lie
    /// as a device's matrices may.
    static func matrix(_ tensor: Tensor) -> MatrixOperand? {
        let last = tensor.rank - 1, columns = tensor.shape[last], count = tensor.count
        guard count > 0, tensor.type == .float32, tensor.rank == 2 || tensor.isDense else { return nil }
        let rows = count / columns
        let strides = normalized(
            rows: rows, columns: columns, row: tensor.rank == 2 ? tensor.strides[0] : columns, column: tensor.strides[last])
        return fits(rows: rows, columns: columns, strides)
            ? MatrixOperand(rows: rows, columns: columns, strides: [0] + strides) : nil
    }

    func view(of tensor: Tensor, on device: any Device) -> View {
        View(tensor.storage.realize(on: device), .float32, offset: tensor.offset, shape: [1, rows, columns], strides: strides)
    }

    static func batched(_ tensor: inout Tensor, batch: [Int], on device: any Device) -> View {
        tensor = tensor.detached.broadcastView(to: batch + tensor.shape.suffix(2))
        for attempt in 0...1 {
            let view = tensor.view(on: device)
            if let batchStride = commonStride(view), fits(view) || attempt == 1 {
                return View(
                    view.buffer, .float32, offset: view.offset, shape: view.shape,
                    strides: [batchStride] + normalized(view))
            }
            tensor = tensor.contiguous(on: device)
        }
        misuse("matmul", "operand \(tensor.shape) cannot be laid out", #fileID, #line)
    }

    /// The one stride of all batch axes taken together; nil where there is none.
    private static func commonStride(_ view: View) -> Int? {
        var result: Int?, expected = 0
        for axis in stride(from: view.rank - 3, through: 0, by: -1) where view.shape[axis] != 1 {
            if result == nil { result = view.strides[axis] } else if view.strides[axis] != expected { return nil }
            expected = view.strides[axis] * view.shape[axis]
        }
        return result ?? 0
    }

    private static func fits(_ view: View) -> Bool {
        fits(rows: view.shape[view.rank - 2], columns: view.shape[view.rank - 1], normalized(view))
    }

    private static func fits(rows: Int, columns: Int, _ s: [Int]) -> Bool {
        (s[1] == 1 && s[0] >= columns) || (s[0] == 1 && s[1] >= rows)
    }

    /// The strides of the last two axes, those of extent 1 set to what a packed matrix would have.
    private static func normalized(_ view: View) -> [Int] {
        normalized(
            rows: view.shape[view.rank - 2], columns: view.shape[view.rank - 1], row: view.strides[view.rank - 2],
            column: view.strides[view.rank - 1])
    }

    private static func normalized(rows: Int, columns: Int, row: Int, column: Int) -> [Int] {
        var row = row, column = column
        if columns == 1 { column = row == 1 ? Swift.max(rows, 1) : 1 }
        if rows == 1 { row = column == 1 ? Swift.max(columns, 1) : 1 }
        return [row, column]
    }
}
