/// Lowers the rate when a metric has not become better for a while. PyTorch's `ReduceLROnPlateau` with its relative threshold.
public struct PlateauSchedule: Schedule, Codable, Sendable {
    /// What the rate is multiplied by.
    public let gamma: Double
    /// How many observations without a better one are borne.
    public let patience: Int
    /// By what share a metric must be better to count.
    public let threshold: Double
    /// How many observations after a reduction do not count.
    public let cooldown: Int
    /// The lowest factor.
    public let minimum: Double
    /// Whether smaller is better.
    public let lowerIsBetter: Bool

    private var current = 1.0
    private var best: Double?
    private var waited = 0
    private var resting = 0

    public init(
        gamma: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0, minimum: Double = 0,
        lowerIsBetter: Bool = true
    ) {
        precondition(gamma > 0 && gamma < 1 && patience >= 0, "PlateauSchedule: gamma \(gamma), patience \(patience)")
        self.gamma = gamma
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.minimum = minimum
        self.lowerIsBetter = lowerIsBetter
    }

    public func factor(at step: Int) -> Double { current }

    /// Takes note of a metric, once an epoch as a rule.
    public mutating func observe(_ metric: Double) {
        let isBetter = best.map { lowerIsBetter ? metric < $0 * (1 - threshold) : metric > $0 * (1 + threshold) } ?? true
        if isBetter {
            best = metric
            waited = 0
        } else {
            waited += 1
        }
        if resting > 0 {
            resting -= 1
            waited = 0
        }
        if waited > patience {
            current = max(current * gamma, minimum)
            resting = cooldown
            waited = 0
        }
    }
}
