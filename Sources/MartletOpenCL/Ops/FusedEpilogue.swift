import MartletCore

/// An epilogue as the kernels of products take it: text before the kernel's source, and arguments behind the kernel's own.
///
/// The text defines `EPILOGUE_PARAMETERS` and `EPILOGUE(value, i0, i1, ...)`, with the result's indices, outermost first;
/// and `EPILOGUE16`, for sixteen elements along the last axis from the given one on, where no operand is scattered there;
/// and `EPILOGUE_REPEATED`, where none changes along it. `EPILOGUE_FETCH` asks memory for what `EPILOGUE16` will read.
struct FusedEpilogue {
    /// How an operand moves along the last axis, and whether it moves along the others; part of a kernel's key.
    private enum Step: Int { case repeated, contiguous, scattered, contiguousRow }

    private let epilogue: Epilogue
    private let rank: Int
    private let operands: [View]
    private let steps: [Step]

    /// Nil where there is nothing to do.
    init?(_ epilogue: Epilogue?, rank: Int) {
        guard let epilogue, !epilogue.expression.isIdentity else { return nil }
        self.epilogue = epilogue
        self.rank = rank
        let used = max(epilogue.expression.inputCount - 1, 0)
        precondition(
            used <= epilogue.operands.count && epilogue.expression.scalarCount <= epilogue.scalars.count,
            "an epilogue of \(used) operands and \(epilogue.expression.scalarCount) scalars was given "
                + "\(epilogue.operands.count) and \(epilogue.scalars.count)")
        operands = Array(epilogue.operands.prefix(used))
        steps = operands.map { view in
            precondition(view.rank == rank && view.type == .float32, "an epilogue's operand is \(view.type) \(view.shape)")
            switch view.shape[rank - 1] == 1 ? 0 : view.strides[rank - 1] {
            case 0: return .repeated
            case 1:
                return zip(view.shape, view.strides).dropLast().allSatisfy { $0 == 1 || $1 == 0 } ? .contiguousRow : .contiguous
            default: return .scattered
            }
        }
    }

    var expression: Expression { epilogue.expression }

    /// The operands' steps, as `defines` of a kernel.
    func add(to defines: inout Defines) {
        for (index, step) in steps.enumerated() { defines["STEP\(index + 1)"] = step.rawValue }
    }

    var arguments: [KernelArgument] {
        operands.flatMap { view in
            [.tensor(view)] + zip(view.shape, view.strides).map { .size($0 == 1 ? 0 : $1) }
        } + epilogue.scalars.prefix(expression.scalarCount).map { .float($0) }
    }

    var text: String {
        let indices = (0..<rank).map { "i\($0)" }
        var parameters = ""
        var single: [String] = [], vector: [String] = [], fetches = ""
        for (number, step) in zip(1..., steps) {
            let name = "operand\(number)"
            parameters += ", TENSOR_ARGUMENT(const float, \(name))" + indices.map { ", const ulong \(name)_\($0)" }.joined()
            let place = "\(name)_base + \(name)_offset" + indices.map { " + (\($0)) * \(name)_\($0)" }.joined()
            single.append("*(\(place))")
            vector.append(step == .repeated ? "(float16)(*(\(place)))" : "vload16(0, \(place))")
            if step == .contiguous { fetches += " FETCH(\(place));" }
        }
        let scalars = (0..<expression.scalarCount).map { "scalar\($0)" }
        parameters += scalars.map { ", const float \($0)" }.joined()
        func macro(_ name: String, _ function: String, _ operands: [String]) -> String {
            "#define \(name)(value, \(indices.joined(separator: ", "))) "
                + "\(function)(\((["value"] + operands + scalars).joined(separator: ", ")))\n"
        }
        var text = ExpressionSource.function(withInput, name: "epilogue", width: 1)
        text += "#define EPILOGUE_PARAMETERS\(parameters.isEmpty ? "" : " " + parameters)\n"
        text += macro("EPILOGUE", "epilogue", single)
        if !steps.contains(.scattered) {
            text += ExpressionSource.function(withInput, name: "epilogue16", width: 16)
            text += macro("EPILOGUE16", "epilogue16", vector)
            if steps.allSatisfy({ $0 == .repeated }) { text += "#define EPILOGUE_REPEATED 1\n" }
        }
        text += "#define EPILOGUE_FETCH(\(indices.joined(separator: ", ")))\(fetches)\n"
        return text
    }

    /// The text for a product stored as it is.
    static func none(rank: Int) -> String {
        let indices = (0..<rank).map { "i\($0)" }.joined(separator: ", ")
        return "#define EPILOGUE_PARAMETERS\n#define EPILOGUE_REPEATED 1\n#define EPILOGUE(value, \(indices)) (value)\n"
            + "#define EPILOGUE16(value, \(indices)) (value)\n#define EPILOGUE_FETCH(\(indices))\n"
    }

    /// The expression with at least the product as input, so that its function takes one even where it is a constant.
    private var withInput: Expression {
        guard expression.inputCount == 0 else { return expression }
        return Expression(
            operations: expression.operations, results: expression.results, inputCount: 1,
            scalarCount: expression.scalarCount)
    }
}
