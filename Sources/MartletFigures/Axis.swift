import Foundation

/// How an axis is laid out. What is left open follows from the data.
public struct Axis: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case linear
        /// Of base 10. Values that are not positive are left out.
        case logarithmic
    }

    public var label: String
    public var kind: Kind
    public var range: ClosedRange<Double>?
    /// Places and texts of the marks along the axis, in place of tidy numbers.
    public var ticks: [Tick]?

    public struct Tick: Sendable, Hashable {
        public var value: Double
        public var label: String

        public init(_ value: Double, _ label: String) {
            self.value = value
            self.label = label
        }
    }

    public init(_ label: String = "", _ kind: Kind = .linear, range: ClosedRange<Double>? = nil, ticks: [Tick]? = nil) {
        self.label = label
        self.kind = kind
        self.range = range
        self.ticks = ticks
    }
}

/// An axis whose range is known.
struct Scale {
    let low: Double
    let high: Double
    let isLogarithmic: Bool
    let ticks: [Axis.Tick]
    /// Values beyond this are treated like infinity, so that no difference overflows.
    private static let bound = 1e100

    /// - Parameters:
    ///   - padding: the share of the range that is added at either end where the axis has no range of its own.
    ///   - count: about how many ticks there is room for.
    init(_ axis: Axis, values: [Double], padding: Double = 0, count: Int = 6) {
        isLogarithmic = axis.kind == .logarithmic
        let given = axis.range.map { [$0.lowerBound, $0.upperBound] }
        let usable = isLogarithmic ? { (value: Double) in value > 1e-100 } : { _ in true }
        var extent = given.flatMap { Scale.extent($0.filter(usable)) } ?? Scale.extent(values.filter(usable))
        if given != nil, let found = extent, found.lowerBound == found.upperBound { extent = Scale.extent(values.filter(usable)) }
        var (low, high) = extent.map { ($0.lowerBound, $0.upperBound) } ?? (isLogarithmic ? (1, 10) : (0, 1))
        if isLogarithmic {
            (low, high) = (log10(low), log10(high))
            if high - low < 1e-6 {
                (low, high) = (low - 0.5, high + 0.5)
            } else if given == nil {
                (low, high) = (low - padding * (high - low), high + padding * (high - low))
            }
            (self.low, self.high) = (low, high)
            ticks = axis.ticks ?? Scale.logarithmicTicks(low, high, count)
        } else {
            if high - low <= 1e-12 * max(abs(low), abs(high)) {
                let room = low == 0 ? 1 : abs(low) * 0.1
                (low, high) = (low - room, high + room)
            } else if given == nil {
                (low, high) = (low - padding * (high - low), high + padding * (high - low))
            }
            (self.low, self.high) = (low, high)
            ticks = axis.ticks ?? Scale.ticks(low, high, count)
        }
    }

    /// From 0 at the low end to 1 at the high end; nil for what has no place.
    func position(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        if isLogarithmic {
            guard value > 0 else { return nil }
            return (log10(value) - low) / (high - low)
        }
        return (min(max(value, -Scale.bound), Scale.bound) - low) / (high - low)
    }

    static func extent(_ values: some Sequence<Double>) -> ClosedRange<Double>? {
        var low = Double.infinity, high = -Double.infinity
        for value in values where abs(value) < bound {
            low = min(low, value)
            high = max(high, value)
        }
        return low <= high ? low...high : nil
    }

    /// Multiples of 1, 2 or 5 times a power of ten within a range.
    static func ticks(_ low: Double, _ high: Double, _ count: Int) -> [Axis.Tick] {
        let rough = (high - low) / Double(max(count, 1)), power = pow(10, floor(log10(rough)))
        guard rough > 0, power > 0, rough.isFinite else { return [] }
        let step = ([1, 2, 5].first { $0 * power >= rough * 0.999 } ?? 10) * power
        let slack = 1e-9
        let first = (low / step - slack).rounded(.up), last = (high / step + slack).rounded(.down)
        guard first <= last, last - first < 100 else { return [] }
        let decimals = max(0, Int(-floor(log10(step) + 1e-9)))
        let largest = max(abs(low), abs(high))
        return (0...Int(last - first)).map { index in
            let multiple = first + Double(index), value = multiple * step
            let isPlain = largest < 1e6 && decimals <= 4
            return Axis.Tick(
                value, multiple == 0 ? "0" : isPlain ? String(format: "%.\(decimals)f", value).signed : scientific(value))
        }
    }

    /// Powers of ten, and 2 and 5 times them where there is room. The range is given as exponents.
    static func logarithmicTicks(_ low: Double, _ high: Double, _ count: Int) -> [Axis.Tick] {
        let first = Int((low + 1e-9).rounded(.down)), last = Int((high - 1e-9).rounded(.up))
        let every = max(1, Int((Double(last - first) / Double(max(count, 1))).rounded(.up)))
        let factors: [Double] = high - low < 1 ? [1, 2, 3, 5, 7] : high - low < 2.5 ? [1, 2, 5] : [1]
        var result: [Axis.Tick] = []
        for exponent in first...max(first, last) where (exponent - first) % every == 0 {
            for factor in factors {
                let place = Double(exponent) + log10(factor)
                guard place >= low - 1e-9, place <= high + 1e-9 else { continue }
                let value = factor * pow(10, Double(exponent))
                result.append(Axis.Tick(value, tidy(value)))
            }
        }
        return result
    }

    /// A number as people write it: at most four digits, powers of ten for what is very large or small.
    static func tidy(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "−∞" : "∞" }
        let size = abs(value)
        if size == 0 { return "0" }
        if size >= 1e-3, size < 1e6 {
            let text = size >= 1000 ? String(format: "%.0f", value) : String(format: "%.4g", value)
            return text.signed
        }
        return scientific(value)
    }

    private static func scientific(_ value: Double) -> String {
        let size = abs(value)
        var exponent = Int(floor(log10(size)))
        var digits = String(format: "%.3g", value / pow(10, Double(exponent)))
        if digits == "10" || digits == "-10" { (exponent, digits) = (exponent + 1, digits == "10" ? "1" : "-1") }
        let raised = String(String(exponent).map { Self.superscripts[$0] ?? $0 })
        return (digits == "1" ? "" : digits == "-1" ? "−" : digits.signed + "·") + "10" + raised
    }

    private static let superscripts: [Character: Character] = [
        "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
    ]
}

extension String {
    /// With a true minus sign.
    fileprivate var signed: String { hasPrefix("-") ? "−" + dropFirst() : self }
}

/// A number as people write it: at most four digits, powers of ten for what is very large or small.
public func tidy(_ value: Double) -> String { Scale.tidy(value) }
