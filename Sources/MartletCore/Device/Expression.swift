/// A function of numbered inputs and scalars, evaluated element by element: the one form in which activations, losses,
/// gradients of them, masks and optimizer rules reach a device.
///
/// It is a flat list of operations, each on the values of earlier ones. Two expressions of the same structure are equal,
/// whatever their scalars, so that a device can keep one kernel for each. Operations that are the same appear once.
public struct Expression: Hashable, Sendable {
    /// An operation on one value.
    public enum Unary: UInt8, Sendable, CaseIterable {
        case negate, absolute, sign, reciprocal, square, squareRoot, reciprocalSquareRoot
        case exponential, exponentialMinusOne, logarithm, logarithmOnePlus
        case sine, cosine, tanh, sigmoid, errorFunction
        /// Half goes to the even neighbour.
        case floor, ceiling, round
        /// The value where it is positive or NaN, else 0.
        case relu
        /// 1 where it holds, else 0.
        case isNaN, isFinite
    }

    /// An operation on two values. Comparisons give 1 or 0; with NaN all are 0 but `notEqual`.
    public enum Binary: UInt8, Sendable, CaseIterable {
        case add, subtract, multiply, divide, power
        /// NaN where either is NaN.
        case maximum, minimum
        case equal, notEqual, less, lessOrEqual
    }

    /// A step. Its operands are positions of earlier steps.
    public enum Operation: Hashable, Sendable {
        case input(Int)
        case scalar(Int)
        /// A constant, by its bits.
        case constant(UInt32)
        case unary(Unary, Int)
        case binary(Binary, Int, Int)
        /// The second operand where the first is not 0 (NaN is not 0), else the third.
        case select(Int, Int, Int)
    }

    /// The steps in an order of evaluation.
    public let operations: [Operation]
    /// The positions of the results.
    public let results: [Int]
    /// One more than the highest input used, or what the maker asked for.
    public let inputCount: Int
    public let scalarCount: Int

    package init(operations: [Operation], results: [Int], inputCount: Int, scalarCount: Int) {
        self.operations = operations
        self.results = results
        self.inputCount = inputCount
        self.scalarCount = scalarCount
    }

    /// For each input, whether a step reads it.
    package var inputsRead: [Bool] {
        var read = [Bool](repeating: false, count: inputCount)
        for case .input(let index) in operations { read[index] = true }
        return read
    }

    /// Whether a step reads each input.
    package var readsAllInputs: Bool {
        var count = 0
        for case .input in operations { count += 1 }
        return count == inputCount
    }

    /// The steps are folded into one number first: a hasher takes longer for a number than all the rest does.
    public func hash(into hasher: inout Hasher) {
        var fold = Fold()
        self.fold(into: &fold)
        hasher.combine(fold.value)
    }

    package func fold(into fold: inout Fold) {
        for operation in operations { operation.fold(into: &fold) }
        for result in results { fold.add(result) }
    }

    /// Whether the one result is input 0 itself.
    public var isIdentity: Bool { results.count == 1 && operations[results[0]] == .input(0) }
}

/// Makes expressions: adds operations, each once.
package struct ExpressionBuilder {
    private var operations: [Expression.Operation] = []
    private var inputCount: Int
    private var scalarCount: Int

    package init(inputCount: Int = 0, scalarCount: Int = 0) {
        self.inputCount = inputCount
        self.scalarCount = scalarCount
    }

    /// Begins with the steps of an expression, where they are.
    package init(_ expression: Expression) {
        operations = expression.operations
        inputCount = expression.inputCount
        scalarCount = expression.scalarCount
    }

    package mutating func add(_ operation: Expression.Operation) -> Int {
        // Of some ten steps each is compared sooner than one is hashed.
        if let position = operations.lastIndex(of: operation) { return position }
        switch operation {
        case .input(let index): inputCount = max(inputCount, index + 1)
        case .scalar(let index): scalarCount = max(scalarCount, index + 1)
        default: break
        }
        operations.append(operation)
        return operations.count - 1
    }

    package mutating func constant(_ value: Float) -> Int { add(.constant(value.bitPattern)) }

    /// Adds another expression, its inputs being the given positions and its scalars beginning at `firstScalar`.
    /// Returns the positions of its results.
    package mutating func splice(_ expression: Expression, inputs: [Int], firstScalar: Int) -> [Int] {
        var moved: [Int] = []
        moved.reserveCapacity(expression.operations.count)
        for operation in expression.operations {
            switch operation {
            case .input(let index): moved.append(inputs[index])
            case .scalar(let index): moved.append(add(.scalar(firstScalar + index)))
            case .constant: moved.append(add(operation))
            case .unary(let unary, let x): moved.append(add(.unary(unary, moved[x])))
            case .binary(let binary, let x, let y): moved.append(add(.binary(binary, moved[x], moved[y])))
            case .select(let c, let x, let y): moved.append(add(.select(moved[c], moved[x], moved[y])))
            }
        }
        scalarCount = max(scalarCount, firstScalar + expression.scalarCount)
        return expression.results.map { moved[$0] }
    }

    package var count: Int { operations.count }

    /// The expression with these results, without the steps that none of them needs.
    package func finish(_ results: [Int]) -> Expression {
        var needed = [Bool](repeating: false, count: operations.count)
        for result in results { needed[result] = true }
        for position in operations.indices.reversed() where needed[position] {
            operations[position].forEachOperand { needed[$0] = true }
        }
        if !needed.contains(false) {
            return Expression(operations: operations, results: results, inputCount: inputCount, scalarCount: scalarCount)
        }
        var moved = [Int](repeating: -1, count: operations.count)
        var kept: [Expression.Operation] = []
        for position in operations.indices where needed[position] {
            moved[position] = kept.count
            kept.append(operations[position].mapOperands { moved[$0] })
        }
        return Expression(operations: kept, results: results.map { moved[$0] }, inputCount: inputCount, scalarCount: scalarCount)
    }
}

extension Expression.Operation {
    fileprivate func fold(into fold: inout Fold) {
        switch self {
        case .input(let index): fold.add(index << 3)
        case .scalar(let index): fold.add(index << 3 | 1)
        case .constant(let bits): fold.add(Int(bits) << 3 | 2)
        case .unary(let unary, let x): fold.add(x << 12 | Int(unary.rawValue) << 3 | 3)
        case .binary(let binary, let x, let y): fold.add(y << 36 | x << 12 | Int(binary.rawValue) << 3 | 4)
        case .select(let c, let x, let y): fold.add(y << 42 | x << 22 | c << 3 | 5)
        }
    }

    package var operands: [Int] {
        var found: [Int] = []
        forEachOperand { found.append($0) }
        return found
    }

    package func forEachOperand(_ body: (Int) -> Void) {
        switch self {
        case .input, .scalar, .constant: break
        case .unary(_, let x): body(x)
        case .binary(_, let x, let y):
            body(x)
            body(y)
        case .select(let c, let x, let y):
            body(c)
            body(x)
            body(y)
        }
    }

    package func mapOperands(_ map: (Int) -> Int) -> Self {
        switch self {
        case .input, .scalar, .constant: self
        case .unary(let unary, let x): .unary(unary, map(x))
        case .binary(let binary, let x, let y): .binary(binary, map(x), map(y))
        case .select(let c, let x, let y): .select(map(c), map(x), map(y))
        }
    }
}
