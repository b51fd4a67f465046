import MartletCore

/// Writes the kernel that evaluates one expression over several tensors in place.
///
/// Its arguments: those of the slots, the shared views, the scalars.
struct UpdateSource {
    let expression: Expression
    let sharedCount: Int
    /// Views of a tensor.
    let width: Int

    /// The most tensors that one launch takes.
    func groupSize(maxParameterBytes: Int) -> Int {
        TensorSlots.most(
            width: width, besides: sharedCount * 16 + expression.scalarCount * 4 + 8, maxParameterBytes: maxParameterBytes)
    }

    func text(capacity: Int, isCPU: Bool, isAligned: Bool) -> String {
        let stages = (0..<max(expression.inputCount, sharedCount + width)).map { input in
            input < sharedCount ? StagedExpression.Stage.once : .element
        }
        let staged = StagedExpression(expression, inputStages: stages)
        let used = Set(staged.usedInputs)
        let slots = TensorSlots(capacity: capacity, width: width)
        var parameters = slots.parameters
        for index in 0..<sharedCount { parameters.append("TENSOR_ARGUMENT(const float, shared\(index))") }
        for index in 0..<expression.scalarCount { parameters.append("float s\(index)") }
        var text =
            "kernel void update(\(parameters.joined(separator: ", "))) {\n    size_t piece = get_global_id(0);\n"
            + slots.selection
        for index in 0..<sharedCount where used.contains(index) {
            text += "    const float x\(index) = shared\(index)_base[shared\(index)_offset];\n"
        }
        text += staged.statements(of: .once, indent: "    ")
        text += "    size_t i = begin;\n"
        let vector = isCPU ? 16 : isAligned ? 4 : 1
        if vector > 1 {
            text += "    for (; i + \(vector) <= end; i += \(vector)) {\n" + step(staged, used, vector, isAligned) + "    }\n"
        }
        return text + "    for (; i < end; i++) {\n" + step(staged, used, 1, false) + "    }\n}\n"
    }

    private func step(_ staged: StagedExpression, _ used: Set<Int>, _ vector: Int, _ isAligned: Bool) -> String {
        let type = ExpressionSource.typeName(vector), indent = "        "
        var text = ""
        for view in 0..<width where used.contains(sharedCount + view) {
            let source =
                vector == 1
                ? "p\(view)[i]"
                : isAligned
                    ? "*(global const \(type) *)(p\(view) + i)"
                    : "vload\(vector)(0, p\(view) + i)"
            text += "\(indent)const \(type) x\(sharedCount + view) = \(source);\n"
        }
        let (statements, results) = staged.elementStatements(width: vector, indent: indent)
        text += statements
        for (view, result) in results.enumerated() {
            text +=
                vector == 1
                ? "\(indent)p\(view)[i] = \(result);\n"
                : isAligned
                    ? "\(indent)*(global \(type) *)(p\(view) + i) = \(result);\n"
                    : "\(indent)vstore\(vector)(\(result), 0, p\(view) + i);\n"
        }
        return text
    }
}
