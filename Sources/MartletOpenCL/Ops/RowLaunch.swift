import MartletCore

/// How the kernels that include `Rows.cl` share out rows: on CPU-like devices a work-item owns several
/// rows and reads them in 16-element vectors; on GPU-like ones a work-item owns a short row and a work-group a long one.
extension OpenCLDevice {
    /// Rows up to this length are not worth a work-group.
    private static let shortRow = 64

    /// The longest row that a kernel keeps in memory of its own while its result goes past the caches.
    private static let longestKeptRow = 8192

    /// Whether a CPU-like device had better write a result of `count` elements past its caches, being so large that it would
    /// leave them before anybody reads it.
    func streams(_ count: Int) -> Bool { deviceClass == .cpuLike && count >= 1 << 22 }

    func streams(_ result: View) -> Bool { streams(result.count) }

    /// Launches a kernel whose arguments are `operands`, the number of rows, their length `n`, the rows of a work-item,
    /// then `options`. `result` is the view it writes, if that is as large as what it reads. `held`: how many vectors of a row a
    /// work-item of a group keeps in registers, at most; fewer where it keeps two rows.
    func launchRows(
        _ family: String, _ name: String, rows: Int, n: Int, _ operands: [KernelArgument],
        options: [KernelArgument] = [], result: View? = nil, held most: Int = 4
    ) throws {
        func arguments(_ rowsEach: Int) -> [KernelArgument] {
            operands + [.size(rows), .size(n), .size(rowsEach)] + options
        }
        if deviceClass == .cpuLike {
            var defines: Defines = ["GROUP": 1, "VEC": 16]
            if let result, n <= OpenCLDevice.longestKeptRow, streams(result) { defines["STREAMED"] = 1 }
            let kernel = try kernel(family, name, defines)
            // A row costs about as much as 64 elements beside its own.
            let items = cpuItems(elements: rows * (n + 64), atMost: rows)
            let rowsEach = (rows + items - 1) / items
            try launch(kernel, global: WorkSize((rows + rowsEach - 1) / rowsEach), local: 1, arguments: arguments(rowsEach))
        } else if n <= OpenCLDevice.shortRow {
            try launchItems(try kernel(family, name, ["GROUP": 1, "VEC": 1]), rows, arguments(1))
        } else {
            // Several loads a work-item, so that the groups of many rows wait for memory beside each other.
            let wanted = (n + 4 * most - 1) / (4 * most)
            let (kernel, group) = try groupKernel(family, name, fours([n], operands), wanted: wanted) { group in
                let held = nextPowerOfTwo((n / 4 + group - 1) / group)
                return held <= most ? ["HELD": held] : [:]
            }
            try launch(kernel, global: WorkSize(rows * group), local: WorkSize(group), arguments: arguments(1))
        }
    }

    /// The parameters of a kernel that reads vectors of four; whether rows of these lengths and operands keep them aligned.
    func fours(_ lengths: [Int], _ operands: [KernelArgument]) -> Defines {
        let areAligned = operands.allSatisfy { operand in
            guard case .tensor(let view) = operand else { return true }
            return view.offset % 4 == 0
        }
        return areAligned && lengths.allSatisfy { $0 % 4 == 0 } ? ["VEC": 4, "ALIGNED": 1] : ["VEC": 4]
    }

    /// A kernel for work-groups of `GROUP` work-items, a power of two: at most 256 and as many as are wanted and as the
    /// kernel allows here. `more` gives parameters that follow from their number.
    func groupKernel(
        _ family: String, _ name: String, _ defines: Defines, wanted: Int, pattern: [Int] = [],
        more: (Int) -> Defines = { _ in [:] }, source: () -> String = { "" }
    ) throws -> (Kernel, group: Int) {
        let limit = min(properties.maxWorkGroupSize, properties.maxWorkItemSizes[0])
        var group = min(256, nextPowerOfTwo(max(wanted, 32)), largestPowerOfTwo(atMost: limit))
        while true {
            var defines = defines
            defines["GROUP"] = group
            let following = more(group)
            for (name, value) in zip(following.names, following.values) { defines[name] = value }
            let kernel = try kernel(family, name, defines, pattern: pattern, source: source)
            if group <= kernel.maxWorkGroupSize || group == 1 { return (kernel, group) }
            group = largestPowerOfTwo(atMost: kernel.maxWorkGroupSize)
        }
    }

    /// One work-item for each of `count` things; work-items beyond leave at once.
    func launchItems(_ kernel: Kernel, _ count: Int, _ arguments: [KernelArgument]) throws {
        let local = deviceClass == .cpuLike ? 1 : largestPowerOfTwo(atMost: min(64, kernel.maxWorkGroupSize))
        try launch(kernel, global: WorkSize(roundUp(count, to: local)), local: WorkSize(local), arguments: arguments)
    }

    /// A work-item an element of planes, in work-groups of several rows.
    func planeItems(_ kernel: Kernel, rows: Int, columns: Int, planes: Int) -> (global: WorkSize, local: WorkSize) {
        let most = min(256, kernel.maxWorkGroupSize), width = min(columns > 32 ? 64 : 16, most), height = max(most / width, 1)
        return ([roundUp(columns, to: width), roundUp(rows, to: height), planes], [width, height, 1])
    }

    /// Work-items for so many elements on a CPU-like device: some thousand elements each, a few for every core.
    func cpuItems(elements: Int, atMost limit: Int) -> Int {
        max(min(elements / 4096 + 1, properties.computeUnits * 4, limit), 1)
    }

    /// Temporary float32 elements.
    func scratchView(_ count: Int) throws -> View {
        View(try scratch(byteCount: count * DataType.float32.size), shape: [count])
    }
}
