import MartletCore

extension OpenCLDevice {
    /// Elements of a piece of a tensor on GPU-like devices: sixteen for a work-item of a full group.
    private static let groupChunk = 4096

    public func norm(of tensors: [View], into result: View) {
        precondition(
            !tensors.isEmpty && result.count == 1
                && tensors.allSatisfy { $0.count > 0 && $0.isContiguous && $0.type == .float32 },
            "norm: of \(tensors.map(\.shape)) into \(result.shape)")
        guarded("norm", inputs: tensors, outputs: [result]) {
            let most = TensorSlots.most(width: 1, besides: 24, maxParameterBytes: properties.maxParameterBytes)
            let (size, groups) = TensorSlots.groups(of: tensors.map { [$0] }, most: most)
            let slots = TensorSlots(capacity: size, width: 1), total = tensors.reduce(0) { $0 + $1.count }
            let isCPU = deviceClass == .cpuLike
            let chunk = isCPU ? cpuChunk(ofElements: total) : Self.groupChunk
            let launches = groups.map { slots.arguments($0, chunk: chunk) }, pieces = launches.reduce(0) { $0 + $1.pieces }
            let norms = View(try scratch(byteCount: pieces * 4), shape: [1, pieces, 1])
            let (kernel, group) = try normKernel(slots, isCPU: isCPU)
            var first = 0
            for (arguments, pieces) in launches {
                try launch(
                    kernel, global: WorkSize(pieces * group), local: WorkSize(group),
                    arguments: arguments + [.tensor(norms), .size(first)])
                first += pieces
            }
            // The norm of the pieces' norms.
            reduce(.norm, norms, into: result.reshaped([1, 1]))
        }
    }

    private func normKernel(_ slots: TensorSlots, isCPU: Bool) throws -> (Kernel, group: Int) {
        let source = { Self.normSource(slots) }
        if isCPU {
            return (try kernel("UpdateNorm", "norms", ["VEC": 16, "GROUP": 1], pattern: [slots.capacity], source: source), 1)
        }
        return try groupKernel("UpdateNorm", "norms", ["VEC": 1], wanted: 256, pattern: [slots.capacity], source: source)
    }

    /// The norm of each piece. Work-items of a group take the vectors of a piece in turn.
    private static func normSource(_ slots: TensorSlots) -> String {
        let parameters = slots.parameters + ["TENSOR_ARGUMENT(float, norms)", "ulong first"]
        return "GROUPED kernel void norms(\(parameters.joined(separator: ", "))) {\n"
            + "    size_t piece = get_group_id(0);\n" + slots.selection + """
                    const size_t step = GROUP * VEC;
                    size_t i = begin + get_local_id(0) * VEC;
                    floatv a = 0.0f, b = 0.0f;
                    for (; i + step + VEC <= end; i += 2 * step) {
                        const floatv x = LOAD(p0 + i), y = LOAD(p0 + i + step);
                        a += x * x;
                        b += y * y;
                    }
                    if (i + VEC <= end) {
                        const floatv x = LOAD(p0 + i);
                        a += x * x;
                        i += step;
                    }
                    if (i < end) {
                        const floatv x = load_rest(p0 + i, end - i, 0.0f);
                        a += x * x;
                    }
                    float sum = sum_lanes(a + b);
                #if GROUP > 1
                    SCRATCH(1);
                    sum = group_sum(sum, scratch);
                #endif
                    if (get_local_id(0) == 0) norms_base[norms_offset + first + get_group_id(0)] = sqrt(sum);
                }

                """
    }
}
