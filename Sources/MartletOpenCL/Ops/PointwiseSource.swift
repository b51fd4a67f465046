import MartletCore

/// Writes the kernel of a pointwise op.
///
/// Its arguments: the buffers of the operands in use, the scalars, `n` (length of a row), `rows`, `chunk` and `rowsPerItem`
/// (CPU-like: what one work-item takes of both), then the layout's numbers, one by one or, where the device allows too few
/// arguments, in a buffer.
struct PointwiseSource {
    let layout: PointwiseLayout
    let staged: StagedExpression
    /// Inputs then outputs, by their number.
    let types: [DataType]
    let inputCount: Int
    /// The operands that the kernel has arguments for.
    let operands: [Int]
    /// Whether elements are copied as they are, whatever they mean.
    let isRawCopy: Bool
    let takesLayoutBuffer: Bool
    /// Whether results are written past the caches.
    let isStreamed: Bool

    static let cpuWidth = 16

    // MARK: Arguments

    private func base(_ operand: Int) -> String {
        isRawCopy ? "uint" : types[operand] == .int32 ? "int" : "float"
    }

    private func isOutput(_ operand: Int) -> Bool { operand >= inputCount }

    private func name(_ parameter: PointwiseLayout.Parameter) -> String {
        switch parameter {
        case .offset(let operand): "o\(operand)"
        case .stride(let operand, let axis): "d\(operand)_\(axis)"
        case .extent(let axis): "e\(axis)"
        }
    }

    private func header() -> String {
        var parameters = operands.map { "global \(isOutput($0) ? "" : "const ")\(base($0)) *b\($0)" }
        parameters += (0..<staged.expression.scalarCount).map { "const float s\($0)" }
        parameters += ["n", "rows", "chunk", "rowsPerItem"].map { "const ulong \($0)" }
        var body = ""
        var index = 0
        if takesLayoutBuffer { parameters.append("global const ulong *layout") }
        layout.forEachParameter(operands) { parameter in
            if takesLayoutBuffer {
                body += "    const ulong \(name(parameter)) = layout[\(index)];\n"
            } else {
                parameters.append("const ulong \(name(parameter))")
            }
            index += 1
        }
        return "kernel void pointwise(\(parameters.joined(separator: ", "))) {\n" + body
    }

    // MARK: Loads and stores

    private func floatValue(_ text: String, _ operand: Int, _ width: Int) -> String {
        types[operand] == .int32 && !isRawCopy ? "convert_\(ExpressionSource.typeName(width))(\(text))" : text
    }

    private func rowStride(_ operand: Int) -> String { "d\(operand)_\(layout.rank - 1)" }

    /// Declares `x<operand>`, the value at the row's position `i`.
    private func load(_ operand: Int, width: Int, indent: String, aligned: Bool = false) -> String {
        let type = isRawCopy ? ExpressionSource.typeName(width, "uint") : ExpressionSource.typeName(width)
        let source: String
        switch (layout.access(operand), width) {
        case (.contiguous, 1): source = "p\(operand)[i]"
        case (.contiguous, _) where aligned: source = "*(global const \(base(operand))\(width) *)(p\(operand) + i)"
        case (.contiguous, _): source = "vload\(width)(0, p\(operand) + i)"
        case (_, 1): source = "p\(operand)[i * \(rowStride(operand))]"
        default:
            let lanes = (0..<width).map { "p\(operand)[(i + \($0)) * \(rowStride(operand))]" }
            source = "(\(base(operand))\(width))(\(lanes.joined(separator: ", ")))"
        }
        return "\(indent)const \(type) x\(operand) = \(floatValue(source, operand, width));\n"
    }

    private func store(_ value: String, _ operand: Int, width: Int, indent: String, aligned: Bool = false) -> String {
        let converted =
            types[operand] == .int32 && !isRawCopy
            ? "convert_\(ExpressionSource.typeName(width, "int"))_sat_rtz(\(value))" : value
        switch (layout.access(operand), width) {
        case (.contiguous, 1): return "\(indent)p\(operand)[i] = \(converted);\n"
        case (.contiguous, _) where aligned:
            return "\(indent)*(global \(base(operand))\(width) *)(p\(operand) + i) = \(converted);\n"
        case (.contiguous, PointwiseSource.cpuWidth) where isStreamed:
            return "\(indent)stream(as_float16(\(converted)), (global float *)(p\(operand) + i));\n"
        case (.contiguous, _): return "\(indent)vstore\(width)(\(converted), 0, p\(operand) + i);\n"
        case (_, 1): return "\(indent)p\(operand)[i * \(rowStride(operand))] = \(converted);\n"
        default:
            let lanes = Array("0123456789abcdef").prefix(width)
            let type = ExpressionSource.typeName(width, base(operand))
            return "\(indent){ const \(type) r = \(converted);\n"
                + lanes.enumerated().map { lane, digit in
                    "\(indent)  p\(operand)[(i + \(lane)) * \(rowStride(operand))] = r.s\(digit);\n"
                }.joined() + "\(indent)}\n"
        }
    }

    /// The work on `width` elements of a row from position `i`.
    private func step(width: Int, indent: String, aligned: Bool = false) -> String {
        var text = ""
        for operand in operands where !isOutput(operand) && staged.inputStages[operand] == .element {
            if width == PointwiseSource.cpuWidth, layout.access(operand) == .contiguous {
                text += "\(indent)LOOK_AHEAD(p\(operand) + i);\n"
            }
            text += load(operand, width: width, indent: indent, aligned: aligned)
        }
        let (statements, results) = staged.elementStatements(width: width, indent: indent)
        text += statements
        for (index, result) in results.enumerated() {
            text += store(result, inputCount + index, width: width, indent: indent, aligned: aligned)
        }
        return text
    }

    /// Inputs of a stage before the last, then what can be computed from them.
    private func prepare(_ stage: StagedExpression.Stage, indent: String) -> String {
        var text = ""
        for operand in operands where !isOutput(operand) && staged.inputStages[operand] == stage {
            let pointer = stage == .once ? "b\(operand) + o\(operand)" : "p\(operand)"
            text +=
                "\(indent)const \(isRawCopy ? "uint" : "float") x\(operand) = "
                + floatValue("(\(pointer))[0]", operand, 1) + ";\n"
        }
        return text + staged.statements(of: stage, indent: indent)
    }

    /// The pointers to each operand's row.
    private func pointers(indent: String) -> String {
        var text = ""
        for operand in operands where isOutput(operand) || staged.inputStages[operand] != .once {
            var terms = ["b\(operand)", "o\(operand)"]
            for axis in 0..<layout.rank - 1 where layout.strides[operand][axis] != 0 {
                terms.append("j\(axis) * d\(operand)_\(axis)")
            }
            text +=
                "\(indent)global \(isOutput(operand) ? "" : "const ")\(base(operand)) *p\(operand) = "
                + terms.joined(separator: " + ") + ";\n"
        }
        return text
    }

    // MARK: Kernels

    /// Each work-item owns `rowsPerItem` rows and of each `chunk` elements, taken sixteen at a time.
    func cpuKernel() -> String {
        let outer = layout.rank - 1
        var text = header() + prepare(.once, indent: "    ")
        text += "    const size_t begin = get_global_id(0) * chunk, end = min((size_t)(begin + chunk), (size_t)n);\n"
        var indent = "    "
        if outer > 0 {
            text += "    const size_t first = get_global_id(1) * rowsPerItem;\n"
            text += "    const size_t last = min((size_t)(first + rowsPerItem), (size_t)rows);\n"
            text += decode("first", indent: indent)
            text += "    for (size_t r = first; r < last; r++) {\n"
            indent = "        "
        }
        text += pointers(indent: indent) + prepare(.row, indent: indent)
        let width = PointwiseSource.cpuWidth
        text += "\(indent)size_t i = begin;\n"
        text +=
            "\(indent)for (; i + \(width) <= end; i += \(width)) {\n" + step(width: width, indent: indent + "    ")
            + "\(indent)}\n"
        text += "\(indent)for (; i < end; i++) {\n" + step(width: 1, indent: indent + "    ") + "\(indent)}\n"
        if outer > 0 {
            for axis in stride(from: outer - 1, to: 0, by: -1) {
                text += "\(indent)if (++j\(axis) == e\(axis)) { j\(axis) = 0;\n"
            }
            text += "\(indent)++j0;" + String(repeating: " }", count: outer - 1) + "\n    }\n"
        }
        return text + "}\n"
    }

    /// Each work-item takes one element, or four aligned ones, of one row.
    func gpuKernel(width: Int) -> String {
        var text = header()
        text += "    const size_t i = get_global_id(0)\(width > 1 ? " * \(width)" : "");\n"
        text += "    const size_t r = get_global_id(1);\n    if (i >= n || r >= rows) return;\n"
        text += prepare(.once, indent: "    ") + (layout.rank > 1 ? decode("r", indent: "    ") : "")
        text += pointers(indent: "    ") + prepare(.row, indent: "    ")
        return text + step(width: width, indent: "    ", aligned: true) + "}\n"
    }

    /// Declares the index along each outer axis, of a row.
    private func decode(_ row: String, indent: String) -> String {
        var text = "\(indent)size_t rest = \(row);\n"
        for axis in stride(from: layout.rank - 2, to: 0, by: -1) {
            text += "\(indent)size_t j\(axis) = rest % e\(axis);\n\(indent)rest /= e\(axis);\n"
        }
        return text + "\(indent)size_t j0 = rest;\n"
    }
}
