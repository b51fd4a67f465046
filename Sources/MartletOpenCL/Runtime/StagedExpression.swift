import MartletCore

/// An expression in three stages of a loop nest, so that what does not change inside a loop is computed before it:
/// once (scalars, constants, operands of one element), once a row, and for each element.
struct StagedExpression {
    enum Stage: Int, Comparable {
        case once, row, element
        static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
    }

    let expression: Expression
    /// Of each input.
    let inputStages: [Stage]
    /// `float`, or another where nothing is computed.
    let base: String
    private let stages: [Stage]

    init(_ expression: Expression, inputStages: [Stage], base: String = "float") {
        self.base = base
        self.expression = expression
        self.inputStages = inputStages
        var stages: [Stage] = []
        for operation in expression.operations {
            switch operation {
            case .input(let index): stages.append(inputStages[index])
            case .scalar, .constant: stages.append(.once)
            default: stages.append(operation.operands.map { stages[$0] }.max() ?? .once)
            }
        }
        self.stages = stages
    }

    /// The inputs that occur.
    var usedInputs: [Int] {
        expression.operations.compactMap { if case .input(let index) = $0 { index } else { nil } }.sorted()
    }

    /// The statements of a stage before the last, on single floats. Inputs are named `x<index>`, scalars `s<index>`.
    func statements(of stage: Stage, indent: String) -> String {
        let names = expression.operations.indices.map { scalarName($0) }
        var text = ""
        for (position, operation) in expression.operations.enumerated() where stages[position] == stage && isComputed(operation) {
            text += "\(indent)const float t\(position) = \(ExpressionSource.term(operation, names, "float"));\n"
        }
        return text
    }

    /// The statements for `width` elements at a time, and the results' names.
    func elementStatements(width: Int, indent: String) -> (text: String, results: [String]) {
        let type = ExpressionSource.typeName(width, base)
        let names = expression.operations.indices.map { position in
            let name = scalarName(position)
            return stages[position] == .element || width == 1 ? name : "(\(type))(\(name))"
        }
        var text = ""
        for (position, operation) in expression.operations.enumerated()
        where stages[position] == .element && isComputed(operation) {
            text += "\(indent)const \(type) t\(position) = \(ExpressionSource.term(operation, names, type));\n"
        }
        return (text, expression.results.map { names[$0] })
    }

    private func isComputed(_ operation: Expression.Operation) -> Bool { !operation.operands.isEmpty }

    private func scalarName(_ position: Int) -> String {
        switch expression.operations[position] {
        case .input(let index): "x\(index)"
        case .scalar(let index): "s\(index)"
        case .constant(let bits): ExpressionSource.constant(bits, "float")
        default: "t\(position)"
        }
    }
}
