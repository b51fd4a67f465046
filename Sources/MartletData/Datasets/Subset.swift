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

/// What a data source offers for training and for judging the result.
public struct DatasetSplits: Sendable {
    public var training: any Dataset
    /// For choosing among models while training.
    public var validation: (any Dataset)?
    /// For the final figure.
    public var test: (any Dataset)?

    /// All parts must agree on the shape of a sample and on the classes.
    public init(training: any Dataset, validation: (any Dataset)? = nil, test: (any Dataset)? = nil) throws(DataError) {
        for other in [validation, test].compactMap({ $0 }) {
            guard other.sampleShape == training.sampleShape else {
                throw DataError(
                    .mismatch, file: other.name,
                    problem: "samples of shape \(other.sampleShape), where \(training.name) has \(training.sampleShape)",
                    remedy: "give both parts samples of one shape")
            }
            guard other.classNames == training.classNames else {
                throw DataError(
                    .mismatch, file: other.name,
                    problem: "classes that differ from those of \(training.name)", remedy: "give both parts the same classes")
            }
        }
        self.training = training
        self.validation = validation
        self.test = test
    }

    /// What judges the model while it trains: the validation part, else the test part.
    public var heldOut: (any Dataset)? { validation ?? test }

    /// The part a `--split` value names: `train`, `val` or `test` (also `training`, `validation`).
    public func part(named name: String) throws(DataError) -> any Dataset {
        let parts: [(names: [String], part: (any Dataset)?)] = [
            (["train", "training"], training), (["val", "validation"], validation), (["test"], test),
        ]
        if let part = parts.first(where: { $0.names.contains(name) })?.part { return part }
        let present = parts.filter { $0.part != nil }.map { $0.names[0] }.joined(separator: ", ")
        throw DataError(
            .setting, file: training.name, problem: "there is no split \(DataError.quote(name))",
            remedy: "the data has: \(present)")
    }
}
