/// Which checkpoint of a run is its best, and when training has gone on long enough without a better one.
public struct Selection: Sendable {
    private static let best = Settings.Key(
        "best", "", "what the best checkpoint is chosen by: loss (on the validation data) or a metric; empty for the first metric"
    )
    private static let patience = Settings.Key(
        "patience", "0", "lines of the log (epochs, as a rule) without a better figure after which training ends; 0 for never")
    /// The settings it has.
    public static let keys = [best, patience]
    private static let choices = ["loss", "accuracy", "top5", "perplexity", "bleu", "mAP50", "mAP"]

    private var metric: String?
    /// Lines of the log without a better figure after which training ends; nil for never.
    public private(set) var patience: Int?

    /// The first metric, else the loss, and no end before the last epoch.
    public init() {}

    public init(_ settings: Settings) throws {
        if !settings.string(Self.best).isEmpty { metric = try settings.choice(Self.best, of: Self.choices) }
        let lines = try settings.integer(Self.patience, in: 0...1_000_000)
        patience = lines == 0 ? nil : lines
    }

    /// The figure of a line that judges, by its name.
    func figure(of row: LogRow) throws -> (name: String, value: Double) {
        let loss = row.validationLoss.map { ("valLoss", $0) } ?? ("trainLoss", row.trainLoss)
        guard let metric else { return row.metrics.first.map { ($0.name, $0.value) } ?? loss }
        if metric == "loss" { return loss }
        guard let found = row.metrics.first(where: { $0.name == metric }) else {
            throw TrainingError(
                .input,
                "--set best=\(metric): this run has no such metric; it has \((row.metrics.map(\.name) + ["loss"]).joined(separator: ", "))"
            )
        }
        return (found.name, found.value)
    }
}
