import CMartletCPU
import MartletCore

/// Turns an expression into steps over slots: products that only a sum or difference reads are joined with it, and registers
/// are allocated in one pass.
struct PointwiseCompiler {
    let inputs: Int
    let scalars: Int
    private(set) var constants: [Float] = []
    private(set) var steps: [martlet_step] = []
    private(set) var registers = 0
    /// The step that computes each result.
    private(set) var resultSteps: [Int32] = []
    /// The last step that reads each input, -1 where none does.
    private(set) var lastReads: [Int32]

    /// A step before slots are chosen: operands and target are positions of the expression (or beyond, for copies).
    private struct Draft {
        var code: Int
        var target: Int
        var operands: [Int]
    }

    init(_ expression: Expression) {
        inputs = expression.inputCount
        scalars = expression.scalarCount
        lastReads = [Int32](repeating: -1, count: inputs)
        var drafts = PointwiseCompiler.drafts(of: expression)

        // Every result gets a step that computes it and nothing else's result.
        var targets: [Int] = []
        var computed = Set(drafts.map(\.target))
        for (index, position) in expression.results.enumerated() {
            if computed.remove(position) != nil {
                targets.append(position)
            } else {
                let target = expression.operations.count + index
                drafts.append(Draft(code: Int(martlet_copy_of), target: target, operands: [position]))
                targets.append(target)
            }
        }
        allocate(drafts, targets: targets, operations: expression.operations)
    }

    /// What to compute at each position that a result needs: its own operation, or a pattern of several.
    private static func needed(of expression: Expression) -> [Draft?] {
        var drafts = [Draft?](repeating: nil, count: expression.operations.count)
        var needed = Set(expression.results)
        for (position, operation) in expression.operations.enumerated().reversed() where needed.contains(position) {
            var draft = Draft(code: operation.code ?? 0, target: position, operands: operation.operands)
            for pattern in PointwisePattern.all {
                guard let operands = pattern.operands(of: expression.operations, at: position) else { continue }
                draft = Draft(code: pattern.code, target: position, operands: operands)
            }
            needed.formUnion(draft.operands)
            drafts[position] = draft
        }
        return drafts
    }

    private static func drafts(of expression: Expression) -> [Draft] {
        let needed = needed(of: expression)
        var uses = [Int](repeating: 0, count: needed.count)
        for draft in needed { for operand in draft?.operands ?? [] { uses[operand] += 1 } }
        for result in expression.results { uses[result] += 1 }

        /// The factors of a product that only one step reads.
        func product(_ position: Int) -> [Int]? {
            guard uses[position] == 1, let draft = needed[position], draft.code == Int(martlet_multiply) else { return nil }
            return draft.operands
        }
        /// As `product`, of what varies and a scalar or constant.
        func weighted(_ position: Int) -> (value: Int, weight: Int)? {
            guard let factors = product(position) else { return nil }
            let weights = factors.filter { expression.operations[$0].isUniform }
            guard weights.count == 1, let value = factors.first(where: { $0 != weights[0] }) else { return nil }
            return (value, weights[0])
        }
        var joined = Set<Int>()
        var drafts: [Draft] = []
        for (operation, draft) in zip(expression.operations, needed) {
            guard var draft, operation.code != nil else { continue }
            let x = draft.operands[0], y = draft.operands.last ?? x
            switch draft.code {
            case Int(martlet_add):
                if let first = weighted(x), let second = weighted(y) {
                    draft.code = Int(martlet_weighted_sum)
                    draft.operands = [first.value, second.value, first.weight, second.weight]
                    joined.formUnion([x, y])
                } else if let factors = product(x) {
                    (draft.code, draft.operands) = (Int(martlet_multiply_add), factors + [y])
                    joined.insert(x)
                } else if let factors = product(y) {
                    (draft.code, draft.operands) = (Int(martlet_multiply_add), factors + [x])
                    joined.insert(y)
                }
            case Int(martlet_subtract):
                if let factors = product(x) {
                    (draft.code, draft.operands) = (Int(martlet_multiply_subtract), factors + [y])
                    joined.insert(x)
                } else if let factors = product(y) {
                    (draft.code, draft.operands) = (Int(martlet_subtract_product), factors + [x])
                    joined.insert(y)
                }
            default: break
            }
            drafts.append(draft)
        }
        return drafts.filter { !joined.contains($0.target) }
    }

    private mutating func allocate(_ drafts: [Draft], targets: [Int], operations: [Expression.Operation]) {
        var slot: [Int: Int] = [:]
        for (position, operation) in operations.enumerated() {
            switch operation {
            case .input(let index): slot[position] = index
            case .scalar(let index): slot[position] = inputs + index
            case .constant(let bits):
                slot[position] = inputs + scalars + constants.count
                constants.append(Float(bitPattern: bits))
            default: break
            }
        }
        let firstRegister = inputs + scalars + constants.count
        var lastUse: [Int: Int] = [:]
        for (index, draft) in drafts.enumerated() { for operand in draft.operands { lastUse[operand] = index } }

        let results = Set(targets)
        var free: [Int] = []
        resultSteps = [Int32](repeating: 0, count: targets.count)
        for (index, draft) in drafts.enumerated() {
            let places = draft.operands.map { slot[$0] ?? 0 }
            for place in places where place < inputs { lastReads[place] = Int32(index) }
            for operand in draft.operands where lastUse[operand] == index && !results.contains(operand) {
                if let place = slot[operand], place >= firstRegister, !free.contains(place) { free.append(place) }
            }
            let target: Int
            if !results.contains(draft.target), let reused = free.popLast() {
                target = reused
            } else {
                target = firstRegister + registers
                registers += 1
            }
            slot[draft.target] = target
            // Codes of fewer operands repeat the last one.
            let x = places[0], y = places.count > 1 ? places[1] : x, z = places.count > 2 ? places[2] : y
            let w = places.count > 3 ? places[3] : z
            steps.append(
                martlet_step(
                    code: UInt16(draft.code), target: UInt16(target), x: UInt16(x), y: UInt16(y), z: UInt16(z), w: UInt16(w)))
            for (result, position) in targets.enumerated() where position == draft.target { resultSteps[result] = Int32(index) }
        }
    }
}

extension Expression.Operation {
    /// Whether it is one value for all elements, whatever the inputs are.
    fileprivate var isUniform: Bool {
        switch self {
        case .scalar, .constant: true
        default: false
        }
    }

    /// The step that computes it; nil for what is there without one.
    fileprivate var code: Int? {
        switch self {
        case .input, .scalar, .constant: nil
        case .unary(let unary, _): unary.code
        case .binary(let binary, _, _): binary.code
        case .select: Int(martlet_select)
        }
    }
}

extension Expression.Unary {
    fileprivate var code: Int {
        switch self {
        case .negate: Int(martlet_negate)
        case .absolute: Int(martlet_absolute)
        case .sign: Int(martlet_sign)
        case .reciprocal: Int(martlet_reciprocal)
        case .square: Int(martlet_square)
        case .squareRoot: Int(martlet_square_root)
        case .reciprocalSquareRoot: Int(martlet_reciprocal_square_root)
        case .exponential: Int(martlet_exponential_of)
        case .exponentialMinusOne: Int(martlet_exponential_minus_one)
        case .logarithm: Int(martlet_logarithm)
        case .logarithmOnePlus: Int(martlet_logarithm_one_plus)
        case .sine: Int(martlet_sine)
        case .cosine: Int(martlet_cosine)
        case .tanh: Int(martlet_tanh)
        case .sigmoid: Int(martlet_sigmoid)
        case .errorFunction: Int(martlet_error_function)
        case .floor: Int(martlet_floor)
        case .ceiling: Int(martlet_ceiling)
        case .round: Int(martlet_round)
        case .relu: Int(martlet_relu)
        case .isNaN: Int(martlet_is_nan)
        case .isFinite: Int(martlet_is_finite)
        }
    }
}

extension Expression.Binary {
    fileprivate var code: Int {
        switch self {
        case .add: Int(martlet_add)
        case .subtract: Int(martlet_subtract)
        case .multiply: Int(martlet_multiply)
        case .divide: Int(martlet_divide)
        case .power: Int(martlet_power)
        case .maximum: Int(martlet_maximum)
        case .minimum: Int(martlet_minimum)
        case .equal: Int(martlet_equal)
        case .notEqual: Int(martlet_not_equal)
        case .less: Int(martlet_less)
        case .lessOrEqual: Int(martlet_less_or_equal)
        }
    }
}
