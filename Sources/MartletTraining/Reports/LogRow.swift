import Foundation

/// A line of a run's log: an epoch, or some steps.
public struct LogRow: Sendable {
    /// Counted from 1; under `--steps` the pass that is under way.
    public var epoch: Int
    public var step: Int
    public var trainLoss: Double
    public var validationLoss: Double?
    public var metrics: [(name: String, value: Double)]
    public var seconds: Double
    public var samplesPerSecond: Double
    public var learningRate: Double

    public var json: JSON {
        .object([
            ("epoch", .integer(epoch)), ("step", .integer(step)), ("trainLoss", .number(trainLoss)),
            ("valLoss", validationLoss.map { .number($0) } ?? .null),
            ("metrics", .object(metrics.map { ($0.name, .number($0.value)) })),
            ("seconds", .number(seconds)), ("samplesPerSecond", .number(samplesPerSecond)),
            ("learningRate", .number(learningRate)),
        ])
    }

    /// Reads the lines of a `metrics.jsonl`; lines that are not such are passed over.
    static func read(_ path: String) -> [LogRow] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
            guard let fields = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                let epoch = fields["epoch"] as? Int, let step = fields["step"] as? Int
            else { return nil }
            let metrics = (fields["metrics"] as? [String: Any] ?? [:]).compactMap { name, value in
                (value as? NSNumber).map { (name: name, value: $0.doubleValue) }
            }
            func number(_ name: String) -> Double? { (fields[name] as? NSNumber)?.doubleValue }
            return LogRow(
                epoch: epoch, step: step, trainLoss: number("trainLoss") ?? .nan, validationLoss: number("valLoss"),
                metrics: metrics.sorted { $0.name < $1.name }, seconds: number("seconds") ?? 0,
                samplesPerSecond: number("samplesPerSecond") ?? 0, learningRate: number("learningRate") ?? 0)
        }
    }
}
