/// A table of numbers with a column of classes, or of numbers to predict, from a CSV file.
public struct CSVTable: Sendable {
    /// What a file's columns mean.
    public struct Options: Sendable {
        /// Whether the first line holds the names of the columns; nil for whether it holds a feature that is no number.
        public var hasHeader: Bool?
        /// The column to predict, by name or by number from 1; nil for the last one.
        public var label: String?
        /// Whether that column holds numbers to predict in place of classes.
        public var isRegression: Bool

        public init(hasHeader: Bool? = nil, label: String? = nil, isRegression: Bool = false) {
            self.hasHeader = hasHeader
            self.label = label
            self.isRegression = isRegression
        }
    }

    /// The names of the feature columns; their numbers where there is no header.
    public internal(set) var featureNames: [String]
    /// The features, row-major in [rows, features].
    public internal(set) var values: [Float]
    /// The class of each row; empty for regression.
    public internal(set) var labels: [Int32]
    /// The classes, sorted: as numbers where all are, else by code points. Empty for regression.
    public internal(set) var classNames: [String]
    /// The number to predict for each row; empty for classification.
    public internal(set) var targets: [Float]

    /// Rows in the table.
    public var rows: Int { max(labels.count, targets.count) }

    /// The largest content read, 2 GiB.
    static let limit = 1 << 31

    /// Reads a file, plain or gzip. Throws on the first field that is missing, empty, no finite number, or otherwise out of
    /// place, with its line.
    public static func read(_ path: String, options: Options = Options()) throws(DataError) -> CSVTable {
        try read(path, options: options) { problem throws(DataError) in throw problem }
    }

    /// - Parameter report: told what is wrong with a row; where it does not throw, the row is left out.
    static func read(
        _ path: String, options: Options, report: (DataError) throws(DataError) -> Void
    ) throws(DataError) -> CSVTable {
        let stored = try InputFile.contents(path, limit: limit)
        let bytes = Gzip.isGzip(stored) ? try Gzip.inflate(stored, limit: limit, file: path) : stored
        var builder = try CSVTableBuilder(CSVReader(bytes, file: path), file: path, options: options)
        return try builder.build(report)
    }

    /// Scales every feature to mean 0 and standard deviation 1 over the given rows (all by default); a constant feature
    /// becomes 0. Returns what was applied.
    public mutating func standardize(over chosen: [Int]? = nil) throws(DataError) -> ChannelNormalization {
        let width = featureNames.count
        let chosen = chosen ?? Array(0..<rows)
        var mean = Array(repeating: 0.0, count: width)
        for row in chosen {
            for column in 0..<width { mean[column] += Double(values[row * width + column]) }
        }
        for column in 0..<width { mean[column] /= Double(max(chosen.count, 1)) }
        var variance = Array(repeating: 0.0, count: width)
        for row in chosen {
            for column in 0..<width {
                let difference = Double(values[row * width + column]) - mean[column]
                variance[column] += difference * difference
            }
        }
        let std = variance.map { Float(($0 / Double(max(chosen.count, 1))).squareRoot()) }
        let normalization = try ChannelNormalization(mean: mean.map { Float($0) }, std: std.map { $0 > 0 ? $0 : 1 })
        for row in 0..<rows {
            for column in 0..<width {
                values[row * width + column] = normalization.apply(values[row * width + column], channel: column)
            }
        }
        return normalization
    }

    /// The rows as a data set of shape [features].
    public func dataset(name: String) -> InMemoryDataset {
        targets.isEmpty
            ? InMemoryDataset(
                name: name, values: values, sampleShape: [featureNames.count], labels: labels, classNames: classNames)
            : InMemoryDataset(name: name, values: values, sampleShape: [featureNames.count], targets: targets, targetCount: 1)
    }
}
