import Foundation
import MartletData

/// How the next token is drawn from what a model thinks of each.
public struct SamplingOptions: Sendable {
    /// Logits are divided by it: below 1 the likely tokens gain, at 0 the likeliest is taken.
    public var temperature: Double
    /// Only so many of the likeliest tokens can be drawn; nil for all.
    public var topK: Int?
    /// Only the likeliest tokens that together have this probability can be drawn. Holtzman et al., 2019.
    public var topP: Double
    /// What the logits of tokens that have occurred are divided by, or multiplied where they are below 0. Keskar et al., 2019.
    public var repetitionPenalty: Double
    public var seed: UInt64

    public init(
        temperature: Double = 1, topK: Int? = nil, topP: Double = 1, repetitionPenalty: Double = 1, seed: UInt64 = 0
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.repetitionPenalty = repetitionPenalty
        self.seed = seed
    }

    /// Throws on values that make no sense.
    public func check() throws {
        func refuse(_ isWrong: Bool, _ text: String) throws {
            if isWrong { throw TrainingError(.input, text) }
        }
        try refuse(!(temperature >= 0 && temperature <= 1000), "--temperature \(temperature): give 0 to 1000")
        try refuse(topK.map { $0 < 1 } ?? false, "--top-k \(topK ?? 0): give 1 or more")
        try refuse(!(topP > 0 && topP <= 1), "--top-p \(topP): give a number above 0, 1 at most")
        try refuse(
            !(repetitionPenalty > 0 && repetitionPenalty <= 1000),
            "--repetition-penalty \(repetitionPenalty): give a number above 0; 1 for none")
    }
}

/// Draws tokens. The same logits and seed give the same tokens.
public struct TokenSampler {
    private let options: SamplingOptions
    private var random: SampleRandom
    private var seen: Set<Int32> = []

    public init(_ options: SamplingOptions) {
        self.options = options
        random = SampleRandom(seed: options.seed, 0x5A)
    }

    /// Counts a token as one that has occurred.
    public mutating func note(_ token: Int32) { if options.repetitionPenalty != 1 { seen.insert(token) } }

    /// The next token from the logits of all; the lower of two that are equal where there is nothing to draw.
    public mutating func next(_ logits: [Float]) -> Int32 {
        var logits = logits
        let penalty = Float(options.repetitionPenalty)
        for token in seen where logits.indices.contains(Int(token)) {
            logits[Int(token)] = logits[Int(token)] > 0 ? logits[Int(token)] / penalty : logits[Int(token)] * penalty
        }
        let token = options.temperature == 0 || options.topK == 1 ? likeliest(logits) : draw(logits)
        note(token)
        return token
    }

    private func likeliest(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }

    private mutating func draw(_ logits: [Float]) -> Int32 {
        let highest = Double(logits.max() ?? 0)
        var order = Array(logits.indices)
        let weights = logits.map { exp((Double($0) - highest) / options.temperature) }
        if options.topK != nil || options.topP < 1 {
            order.sort { (weights[$1], $0) < (weights[$0], $1) }
            if let topK = options.topK { order = Array(order.prefix(topK)) }
            let total = order.reduce(0) { $0 + weights[$1] }
            var sum = 0.0, kept = 0
            while kept < order.count, kept == 0 || sum < options.topP * total {
                sum += weights[order[kept]]
                kept += 1
            }
            order = Array(order.prefix(kept))
        }
        let total = order.reduce(0) { $0 + weights[$1] }
        var rest = Double(random.next() >> 11) * 0x1p-53 * total
        for index in order {
            rest -= weights[index]
            if rest < 0 { return Int32(index) }
        }
        return Int32(order.last ?? 0)
    }
}
