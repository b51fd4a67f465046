import CMartletOpenCL
import MartletCore

/// A pointwise op's launch as it was found for one layout of its operands, to be made again with others in their place.
struct PointwiseLaunch {
    fileprivate enum Argument {
        case buffer(operand: Int)
        case offset(operand: Int)
        case scalar(Int)
        case number(Int)
    }

    fileprivate let kernel: Kernel
    fileprivate let global: WorkSize
    fileprivate let local: WorkSize
    fileprivate var arguments: [Argument] = []
    /// Numbers that a kernel with too many arguments takes in a buffer, the last argument.
    fileprivate var layout: [Argument] = []

    init(
        _ call: PointwiseCall, _ kernel: Kernel, global: WorkSize, local: WorkSize, chunk: Int, rowsPerItem: Int,
        takesLayoutBuffer: Bool
    ) {
        self.kernel = kernel
        self.global = global
        self.local = local
        arguments = call.operands.map { .buffer(operand: $0) } + (0..<call.expression.scalarCount).map { .scalar($0) }
        arguments += [call.layout.rowLength, call.layout.rowCount, chunk, rowsPerItem].map { .number($0) }
        var numbers: [Argument] = []
        call.layout.forEachParameter(call.operands) { parameter in
            switch parameter {
            case .offset(let operand): numbers.append(.offset(operand: operand))
            case .stride(let operand, let axis): numbers.append(.number(call.layout.strides[operand][axis]))
            case .extent(let axis): numbers.append(.number(call.layout.extents[axis]))
            }
        }
        if takesLayoutBuffer { layout = numbers } else { arguments += numbers }
    }
}

/// All of a pointwise op that its launch depends on, but for scalars, offsets and whose buffers they are.
struct PointwiseKey {
    fileprivate let expression: Expression
    fileprivate let shape: [Int]
    fileprivate let operands: [Operand]
    fileprivate let inputCount: Int
    let isInPlace: Bool
    fileprivate let fold: UInt64

    fileprivate struct Operand: Equatable {
        let strides: [Int]
        let type: DataType
        /// Whether a vector of four elements may begin with the first.
        let isAligned: Bool

        init(_ view: View) {
            strides = view.strides
            type = view.type
            isAligned = view.offset % 4 == 0
        }
    }

    init(_ expression: Expression, _ inputs: [View], _ outputs: [View]) {
        self.expression = expression
        shape = outputs[0].shape
        inputCount = inputs.count
        var operands: [Operand] = []
        operands.reserveCapacity(inputs.count + outputs.count)
        for view in inputs { operands.append(Operand(view)) }
        for view in outputs { operands.append(Operand(view)) }
        self.operands = operands
        isInPlace = outputs.contains { output in inputs.contains { $0.buffer === output.buffer } }
        var fold = Fold()
        expression.fold(into: &fold)
        fold.add(shape)
        for operand in operands {
            fold.add(operand.strides)
            fold.add((operand.type == .int32 ? 2 : 0) | (operand.isAligned ? 1 : 0))
        }
        fold.add(isInPlace ? inputCount : -1 - inputCount)
        self.fold = fold.value
    }
}

extension PointwiseKey: Hashable {
    func hash(into hasher: inout Hasher) { hasher.combine(fold) }
}

/// The launches found so far. Where shapes change all the time, they are found anew once there are too many.
struct PointwiseLaunches {
    private var known: [PointwiseKey: PointwiseLaunch] = [:]
    private static let most = 4096

    subscript(key: PointwiseKey) -> PointwiseLaunch? {
        get { known[key] }
        set {
            if known.count >= PointwiseLaunches.most { known.removeAll() }
            known[key] = newValue
        }
    }
}

extension OpenCLDevice {
    func launch(_ launch: PointwiseLaunch, _ scalars: [Float], _ inputs: [View], _ outputs: [View]) throws {
        func view(_ operand: Int) -> View { operand < inputs.count ? inputs[operand] : outputs[operand - inputs.count] }
        func number(_ argument: PointwiseLaunch.Argument) -> Int {
            switch argument {
            case .offset(let operand): view(operand).offset
            case .number(let number): number
            default: preconditionFailure("a layout holds numbers")
            }
        }
        func argument(_ argument: PointwiseLaunch.Argument) -> KernelArgument {
            switch argument {
            case .buffer(let operand): .bufferOf(view(operand))
            case .scalar(let index): .float(scalars[index])
            case .offset, .number: .size(number(argument))
            }
        }
        var layout: OpenCLBuffer?
        if !launch.layout.isEmpty {
            let buffer = try scratch(byteCount: launch.layout.count * 8)
            launch.layout.map { UInt64(number($0)) }.withUnsafeBytes { upload($0, to: buffer) }
            if let fault = buffer.fault { throw fault }
            layout = buffer
        }
        try hold(
            launch.kernel, launch.global, launch.local, launch.arguments.map(argument) + (layout.map { [.buffer($0)] } ?? [])
        ) {
            for argument in launch.arguments {
                switch argument {
                case .buffer(let operand): $0.append(try memory(of: view(operand)))
                case .scalar(let index): $0.append(ArgumentValue(scalars[index]))
                case .offset(let operand): $0.append(ArgumentValue(cl_ulong(view(operand).offset)))
                case .number(let number): $0.append(ArgumentValue(cl_ulong(number)))
                }
            }
            if let layout { $0.append(try memory(of: layout)) }
        }
    }
}
