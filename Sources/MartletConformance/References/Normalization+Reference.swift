/// Normalisation over sets of elements, each set's mean and variance in two passes.
enum NormalizationReference {
    struct Result {
        var output: Reference
        /// Of each set, in the order of their first elements.
        var means: [Double]
        var variances: [Double]
    }

    /// Normalises x [n, c, s]: elements with the same `set` share their statistics; `channel` picks scale and shift.
    static func normalize(
        _ x: Reference, sets: Int, epsilon: Double, scale: Reference?, shift: Reference?,
        set: ([Int]) -> Int
    ) -> Result {
        let indexer = Indexer(x.shape)
        var members = [[Double]](repeating: [], count: sets)
        for flat in 0..<x.count { members[set(indexer.index(flat))].append(x.values[flat]) }
        let means = members.map(ReductionReference.mean), variances = members.map { ReductionReference.variance($0, 0) }
        let output = Reference(x.shape) { index in
            let group = set(index)
            let normal = (x[index] - means[group]) / (variances[group] + epsilon).squareRoot()
            return normal * (scale?.values[index[1]] ?? 1) + (shift?.values[index[1]] ?? 0)
        }
        return Result(output: output, means: means, variances: variances)
    }

    static func batch(_ x: Reference, scale: Reference?, shift: Reference?, epsilon: Double) -> Result {
        normalize(x, sets: x.shape[1], epsilon: epsilon, scale: scale, shift: shift) { $0[1] }
    }

    static func group(_ x: Reference, groups: Int, scale: Reference?, shift: Reference?, epsilon: Double) -> Result {
        let width = x.shape[1] / groups
        return normalize(x, sets: x.shape[0] * groups, epsilon: epsilon, scale: scale, shift: shift) {
            $0[0] * groups + $0[1] / width
        }
    }
}
