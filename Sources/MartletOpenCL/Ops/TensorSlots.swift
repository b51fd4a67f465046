import MartletCore

/// Several tensors as the arguments of one generated kernel. Work is cut into pieces of one tensor each, of `chunk` elements but for
/// a tensor's last; each slot knows its tensor's views, its count and the number of the piece after its last.
struct TensorSlots {
    let capacity: Int
    /// Views of a tensor.
    let width: Int

    /// The most tensors that one launch takes beside arguments of so many bytes.
    static func most(width: Int, besides fixed: Int, maxParameterBytes: Int) -> Int {
        min(max(max(maxParameterBytes - fixed, 0) / (width * 16 + 16), 1), 32)
    }

    /// The kernel's parameters.
    var parameters: [String] {
        (0..<capacity).flatMap { slot in (0..<width).map { "TENSOR_ARGUMENT(float, a\(slot)_\($0))" } }
            + (0..<capacity).flatMap { ["ulong count\($0)", "ulong end\($0)"] } + ["ulong chunk"]
    }

    /// From the number in `piece` the tensor's views `p0`, `p1` and so on and its part from `begin` to `end`; leaves where there is no
    /// such piece.
    var selection: String {
        var text = "    if (piece >= end\(capacity - 1)) return;\n    size_t n = 0;\n"
        for view in 0..<width { text += "    global float *p\(view) = a0_\(view)_base;\n" }
        for slot in 0..<capacity {
            text += "    \(slot > 0 ? "else " : "")if (piece < end\(slot)) {\n"
            if slot > 0 { text += "        piece -= end\(slot - 1);\n" }
            text += "        n = count\(slot);\n"
            for view in 0..<width { text += "        p\(view) = a\(slot)_\(view)_base + a\(slot)_\(view)_offset;\n" }
            text += "    }\n"
        }
        return text + "    const size_t begin = piece * chunk, end = min((size_t)(begin + chunk), n);\n"
    }

    /// The arguments for at most `capacity` tensors, and how many pieces they have. Slots that are not used repeat the last tensor; no
    /// piece falls to them.
    func arguments(_ tensors: [[View]], chunk: Int) -> (arguments: [KernelArgument], pieces: Int) {
        var ends: [Int] = []
        for views in tensors { ends.append((ends.last ?? 0) + (views[0].count + chunk - 1) / chunk) }
        let slots = (0..<capacity).map { min($0, tensors.count - 1) }
        return (
            slots.flatMap { tensors[$0].map { .tensor($0) } }
                + slots.flatMap { [.size(tensors[$0][0].count), .size(ends[$0])] } + [.size(chunk)],
            ends.last ?? 0
        )
    }

    /// Launches' worth of tensors, of equal size, so that one kernel serves all of them.
    static func groups<Tensor>(of tensors: [Tensor], most: Int) -> (size: Int, groups: [[Tensor]]) {
        let launches = (tensors.count + most - 1) / most
        let size = launches == 0 ? 1 : (tensors.count + launches - 1) / launches
        return (size, stride(from: 0, to: tensors.count, by: size).map { Array(tensors[$0..<min($0 + size, tensors.count)]) })
    }
}

extension OpenCLDevice {
    /// Elements of a piece on a CPU-like device where all tensors have so many: some pieces for every core.
    func cpuChunk(ofElements total: Int) -> Int {
        roundUp(min(max(total / (properties.computeUnits * 8), 4096), 65536), to: 64)
    }
}
