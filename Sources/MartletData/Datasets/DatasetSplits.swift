/// What a data source offers for training and for judging the result.
public struct DatasetSplits: Sendable {
    public var training: any Dataset
    /// For choosing among models while training.
    public var validation: (any Dataset)?
    /// For the final figure.
    public var test: (any Dataset)?
    /// What was applied to the values, so that it can be applied to new samples; nil where they are as stored (images in 0...1).
    public var normalization: ChannelNormalization?
    /// What was left out because it cannot be used, and why.
    public var leftOut: [DataError] = []

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
        try partOfSplits(named: name, training, validation, test, of: training.name)
    }
}

/// The part that a `--split` value names, of data called `file`.
func partOfSplits<Part>(
    named name: String, _ training: Part, _ validation: Part?, _ test: Part?, of file: String
) throws(DataError) -> Part {
    let parts: [(names: [String], part: Part?)] = [
        (["train", "training"], training), (["val", "validation"], validation), (["test"], test),
    ]
    if let part = parts.first(where: { $0.names.contains(name) })?.part { return part }
    let present = parts.filter { $0.part != nil }.map { $0.names[0] }.joined(separator: ", ")
    throw DataError(
        .setting, file: file, problem: "there is no split \(DataError.quote(name))",
        remedy: "the data has: \(present)")
}
