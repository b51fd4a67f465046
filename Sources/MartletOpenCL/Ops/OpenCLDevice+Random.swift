import MartletCore

extension OpenCLDevice: RandomOps {
    public func random(_ distribution: Distribution, key: RandomKey, into output: View) {
        precondition(
            output.isContiguous && output.type == distribution.resultType,
            "random: a contiguous view of \(distribution.resultType) is needed, not \(output.type) \(output.shape) "
                + "with strides \(output.strides)")
        guarded("random", inputs: [], outputs: [output]) {
            let (kind, first, second): (Int, Float, Float) =
                switch distribution {
                case .bits: (0, 0, 0)
                case .uniform(let low, let high): (1, low, high)
                case .normal(let mean, let deviation): (2, mean, deviation)
                case .bernoulli(let probability, let scale): (3, probability, scale)
                }
            let kernel = try kernel("Random", "random_fill", ["KIND": kind])
            let isCPU = deviceClass == .cpuLike
            let count = output.count, elementsPerGroup = isCPU ? 64 : 4
            let groups = (count + elementsPerGroup - 1) / elementsPerGroup
            let items = isCPU ? min(max(count / 4096, 1), properties.computeUnits * 8) : groups
            let groupsPerItem = (groups + items - 1) / items
            let size = isCPU ? 1 : min(256, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0])
            let global = roundUp((groups + groupsPerItem - 1) / groupsPerItem, to: size)
            try launch(
                kernel, global: WorkSize(global), local: WorkSize(size), .tensor(output), .size(count), .size(groups),
                .size(groupsPerItem), .word(UInt32(truncatingIfNeeded: key.stream)), .word(UInt32(key.stream >> 32)),
                .word(UInt32(truncatingIfNeeded: key.seed)), .word(UInt32(key.seed >> 32)), .float(first), .float(second))
        }
    }
}
