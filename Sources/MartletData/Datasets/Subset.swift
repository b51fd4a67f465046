/// Some samples of a data set, in an order of their own. Nothing is copied.
public struct Subset<Base: Dataset>: Dataset {
    public let base: Base
    /// Where each of its samples stands in `base`.
    public let rows: [Int]
    public let name: String

    /// The samples of `base` at `rows`.
    public init(_ base: Base, rows: [Int], name: String? = nil) {
        precondition(
            rows.allSatisfy { $0 >= 0 && $0 < base.count }, "Subset: a row lies outside the \(base.count) of \(base.name)")
        self.base = base
        self.rows = rows
        self.name = name ?? base.name
    }

    public var count: Int { rows.count }
    public var sampleShape: [Int] { base.sampleShape }
    public var classNames: [String] { base.classNames }
    public func label(at index: Int) -> Int32 { base.label(at: rows[index]) }
    public func targets(at index: Int) -> [Float] { base.targets(at: rows[index]) }

    public func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        try base.read(rows[index], into: buffer)
    }

    public func read(
        _ index: Int, into buffer: UnsafeMutableBufferPointer<Float>, varied augmentation: some Augmentation,
        random: inout SampleRandom
    ) throws(DataError) {
        try base.read(rows[index], into: buffer, varied: augmentation, random: &random)
    }

    public var tenCrops: (any Dataset)? {
        func part(of crops: some Dataset) -> any Dataset { Subset<_>(crops, rows: rows, name: name) }
        return base.tenCrops.map { part(of: $0) }
    }
}

extension Subset: ResidentDataset where Base: ResidentDataset {
    public func copy(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) {
        base.copy(rows[index], into: buffer)
    }
}

extension Dataset {
    /// Two parts drawn by `seed`: `validation` with this fraction of the samples (rounded, at least one, and never all),
    /// `training` with the rest, each in the data set's order.
    public func split(validation fraction: Double, seed: Int) throws(DataError)
        -> (training: Subset<Self>, validation: Subset<Self>)
    {
        guard fraction > 0, fraction < 1 else {
            throw DataError(.setting, problem: "a validation fraction of \(fraction)", remedy: "give a number between 0 and 1")
        }
        guard count >= 2 else {
            throw DataError(.setting, file: name, problem: "\(count) samples cannot be split", remedy: "give at least 2")
        }
        let held = min(max(Int((Double(count) * fraction).rounded()), 1), count - 1)
        let order = EpochOrder.permutation(of: count, seed: UInt64(bitPattern: Int64(seed)), epoch: EpochOrder.splitStream)
        return parts(held: Set(order.prefix(held)))
    }

    /// Two parts by position: every `step`-th sample (the 5th, 10th, ... for 5) in `validation`, the others in `training`.
    public func split(holdingOutEvery step: Int) throws(DataError) -> (training: Subset<Self>, validation: Subset<Self>) {
        guard step >= 2, count >= step else {
            throw DataError(
                .setting, file: name, problem: "every sample number \(step) of \(count) cannot be held out",
                remedy: "give a step from 2 to the number of samples")
        }
        return parts(held: Set(stride(from: step - 1, to: count, by: step)))
    }

    private func parts(held: Set<Int>) -> (training: Subset<Self>, validation: Subset<Self>) {
        (
            Subset(self, rows: (0..<count).filter { !held.contains($0) }, name: name + "/training"),
            Subset(self, rows: held.sorted(), name: name + "/validation")
        )
    }
}
