import CMartletCPU
import MartletCore

extension CPUDevice: ReductionOps {
    public func reduce(_ kind: ReductionKind, _ input: View, into output: View) {
        guard begin(reading: [input], writing: [output]) else { return }
        precondition(
            input.rank == 3 && output.shape == [input.shape[0], input.shape[2]] && output.type == kind.resultType,
            "CPUDevice.reduce: \(input.shape) into \(output.type) \(output.shape)")
        var reduction = martlet_reduction(
            kind: 0, correction: 0, outer: Int64(input.shape[0]), n: Int64(input.shape[1]), inner: Int64(input.shape[2]))
        switch kind {
        case .sum: reduction.kind = Int32(martlet_reduce_sum)
        case .mean: reduction.kind = Int32(martlet_reduce_mean)
        case .max: reduction.kind = Int32(martlet_reduce_max)
        case .min: reduction.kind = Int32(martlet_reduce_min)
        case .argMax: reduction.kind = Int32(martlet_reduce_arg_max)
        case .argMin: reduction.kind = Int32(martlet_reduce_arg_min)
        case .norm: reduction.kind = Int32(martlet_reduce_norm)
        case .variance(let correction):
            reduction.kind = Int32(martlet_reduce_variance)
            reduction.correction = Int32(clamping: correction)
        }
        let bytes = Int(martlet_reduce_scratch(&reduction))
        if bytes == 0 {
            martlet_reduce(pool.handle, &reduction, input.floats, output.address, nil)
        } else if let scratch = scratch(floats: bytes / 4, for: [output]) {
            martlet_reduce(pool.handle, &reduction, input.floats, output.address, scratch.pointer)
            withExtendedLifetime(scratch) {}
        }
    }
}
