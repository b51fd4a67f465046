import Glibc

/// How the learning rate changes with time. A step is an optimizer step, counted from 0.
public protocol Schedule {
    /// The learning rate for a step, as a share of the optimizer's first one.
    func factor(at step: Int) -> Double
}

/// The same rate always.
public struct ConstantSchedule: Schedule {
    public init() {}
    public func factor(at step: Int) -> Double { 1 }
}

/// Multiplied by `gamma` every `every` steps.
public struct StepSchedule: Schedule {
    public var every: Int
    public var gamma: Double

    public init(every: Int, gamma: Double = 0.1) {
        precondition(every > 0, "StepSchedule: every \(every) steps")
        self.every = every
        self.gamma = gamma
    }

    public func factor(at step: Int) -> Double { pow(gamma, Double(step / every)) }
}

/// Multiplied by `gamma` at each milestone.
public struct MultiStepSchedule: Schedule {
    public var milestones: [Int]
    public var gamma: Double

    public init(milestones: [Int], gamma: Double = 0.1) {
        self.milestones = milestones
        self.gamma = gamma
    }

    public func factor(at step: Int) -> Double { pow(gamma, Double(milestones.filter { $0 <= step }.count)) }
}

/// Multiplied by `gamma` every step.
public struct ExponentialSchedule: Schedule {
    public var gamma: Double

    public init(gamma: Double) { self.gamma = gamma }

    public func factor(at step: Int) -> Double { pow(gamma, Double(step)) }
}

/// Down to `minimum` along half a cosine over `steps`; then up again, as the function goes. Loshchilov and Hutter, 2017.
public struct CosineSchedule: Schedule {
    public var steps: Int
    public var minimum: Double

    public init(steps: Int, minimum: Double = 0) {
        precondition(steps > 0, "CosineSchedule: \(steps) steps")
        self.steps = steps
        self.minimum = minimum
    }

    public func factor(at step: Int) -> Double {
        minimum + (1 - minimum) * (1 + cos(.pi * Double(step) / Double(steps))) / 2
    }
}

/// A cosine that begins anew after `first` steps, each time `multiplier` times as long. Loshchilov and Hutter, 2017.
public struct CosineRestartsSchedule: Schedule {
    public var first: Int
    public var multiplier: Int
    public var minimum: Double

    public init(first: Int, multiplier: Int = 1, minimum: Double = 0) {
        precondition(first > 0 && multiplier > 0, "CosineRestartsSchedule: first \(first), multiplier \(multiplier)")
        self.first = first
        self.multiplier = multiplier
        self.minimum = minimum
    }

    public func factor(at step: Int) -> Double {
        var start = 0, length = first
        while step >= start + length {
            start += length
            length *= multiplier
        }
        return CosineSchedule(steps: length, minimum: minimum).factor(at: step - start)
    }
}

/// A straight line from `start` to 1 over `steps`, then another schedule, whose steps are counted from the start too if
/// `overlapping`, else from the end of the warm-up.
public struct WarmUpSchedule: Schedule {
    public var steps: Int
    public var start: Double
    public var then: any Schedule
    public var overlapping: Bool

    public init(steps: Int, start: Double = 0, then: any Schedule = ConstantSchedule(), overlapping: Bool = false) {
        precondition(steps >= 0, "WarmUpSchedule: \(steps) steps")
        self.steps = steps
        self.start = start
        self.then = then
        self.overlapping = overlapping
    }

    public func factor(at step: Int) -> Double {
        let after = then.factor(at: overlapping ? step : max(step - steps, 0))
        guard step < steps else { return after }
        return (start + (1 - start) * Double(step) / Double(steps)) * (overlapping ? after : then.factor(at: 0))
    }
}

/// Up from 1 / `divisor` to 1 over the first part, then down to 1 / (`divisor` * `finalDivisor`), both along a cosine or a line. The
/// optimizer's rate is the highest. Smith and Topin, 2018.
public struct OneCycleSchedule: Schedule {
    public var steps: Int
    public var risingShare: Double
    public var divisor: Double
    public var finalDivisor: Double
    public var linear: Bool

    public init(steps: Int, risingShare: Double = 0.3, divisor: Double = 25, finalDivisor: Double = 1e4, linear: Bool = false) {
        precondition(steps > 0, "OneCycleSchedule: \(steps) steps")
        self.steps = steps
        self.risingShare = risingShare
        self.divisor = divisor
        self.finalDivisor = finalDivisor
        self.linear = linear
    }

    public func factor(at step: Int) -> Double {
        let top = risingShare * Double(steps) - 1, end = Double(steps - 1), step = min(Double(step), end)
        let low = 1 / divisor, last = low / finalDivisor
        if step <= top { return blend(low, 1, top > 0 ? step / top : 1) }
        return blend(1, last, end > top ? (step - top) / (end - top) : 1)
    }

    private func blend(_ from: Double, _ to: Double, _ share: Double) -> Double {
        linear ? from + (to - from) * share : to + (from - to) * (1 + cos(.pi * share)) / 2
    }
}

/// Up in a line over the warm-up, then down with the root of the step: width^-0.5 * min(step^-0.5, step * warmUp^-1.5), the step
/// counted from 1. Vaswani et al., 2017, where the optimizer's rate is 1.
public struct InverseSquareRootSchedule: Schedule {
    public var warmUp: Int
    private let scale: Double

    public init(warmUp: Int = 4000, width: Int = 1) {
        precondition(warmUp > 0 && width > 0, "InverseSquareRootSchedule: warm-up \(warmUp), width \(width)")
        self.warmUp = warmUp
        scale = pow(Double(width), -0.5)
    }

    /// The same shape with 1 as its highest factor, at the end of the warm-up: the optimizer's rate is the highest.
    public init(peakAfter warmUp: Int) {
        precondition(warmUp > 0, "InverseSquareRootSchedule: warm-up \(warmUp)")
        self.warmUp = warmUp
        scale = Double(warmUp).squareRoot()
    }

    public func factor(at step: Int) -> Double {
        let t = Double(step + 1)
        return scale * min(pow(t, -0.5), t * pow(Double(warmUp), -1.5))
    }
}
