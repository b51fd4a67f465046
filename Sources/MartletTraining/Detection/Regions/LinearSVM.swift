import MartletData

/// A linear support vector machine with the hinge loss, 1/2 |w|^2 + sum of c_i max(0, 1 - y_i (w x_i + b)), solved in the dual by one
/// coordinate after the other. Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", 2008.
///
/// Examples come and go; the multipliers of those that stay are where solving again begins.
package struct LinearSVM {
    package struct Options: Sendable, Hashable {
        /// What a mistake costs.
        package var cost: Float = 0.001
        /// How many times that a mistake on a positive costs.
        package var positiveWeight: Float = 2
        /// A constant feature whose weight times itself is the bias.
        package var bias: Float = 10
        /// Solving ends when no multiplier could gain more than this in a pass, or after so many passes.
        package var tolerance: Float = 0.02
        package var passes = 200

        package init(cost: Float = 0.001, positiveWeight: Float = 2, bias: Float = 10) {
            (self.cost, self.positiveWeight, self.bias) = (cost, positiveWeight, bias)
        }
    }

    package let options: Options
    /// Features of an example.
    let width: Int
    package private(set) var weights: [Float]
    private(set) var biasWeight: Float = 0
    /// Row-major.
    private var rows: [Float] = []
    private var signs: [Float] = []
    private var multipliers: [Float] = []
    private var lengths: [Float] = []

    package init(width: Int, _ options: Options) {
        self.width = width
        self.options = options
        weights = [Float](repeating: 0, count: width)
    }

    package var count: Int { signs.count }
    /// What is added to the weighted features.
    package var bias: Float { biasWeight * options.bias }

    package mutating func add(_ features: UnsafeBufferPointer<Float>, isPositive: Bool) {
        precondition(features.count == width)
        rows += features
        signs.append(isPositive ? 1 : -1)
        multipliers.append(0)
        lengths.append(Self.dot(features.baseAddress!, features.baseAddress!, width) + options.bias * options.bias)
    }

    package func margin(_ features: UnsafePointer<Float>) -> Float {
        weights.withUnsafeBufferPointer { Self.dot($0.baseAddress!, features, width) } + bias
    }

    /// Solves for the examples there are.
    package mutating func solve(seed: UInt64) {
        var random = SampleRandom(seed: seed, UInt64(count)), order = Array(0..<count)
        for _ in 0..<options.passes {
            for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, random.integer(below: last + 1)) }
            if pass(order) <= options.tolerance { return }
        }
    }

    /// - Returns: the largest slope along which a multiplier could still be moved.
    private mutating func pass(_ order: [Int]) -> Float {
        var worst: Float = 0
        let width = self.width, constant = options.bias
        rows.withUnsafeBufferPointer { rows in
            weights.withUnsafeMutableBufferPointer { weights in
                for index in order where lengths[index] > 0 {
                    let row = rows.baseAddress! + index * width, sign = signs[index]
                    let limit = sign > 0 ? options.cost * options.positiveWeight : options.cost
                    let margin = Self.dot(weights.baseAddress!, row, width) + biasWeight * constant
                    let slope = sign * margin - 1, old = multipliers[index]
                    let free = old <= 0 ? min(slope, 0) : old >= limit ? max(slope, 0) : slope
                    worst = max(worst, abs(free))
                    if free == 0 { continue }
                    let new = min(max(old - slope / lengths[index], 0), limit)
                    let step = (new - old) * sign
                    multipliers[index] = new
                    Self.add(weights.baseAddress!, row, step, width)
                    biasWeight += step * constant
                }
            }
        }
        return worst
    }

    /// Takes out negatives that say nothing: without a multiplier and with a margin below a limit; and where more than `most`
    /// negatives are left, those of the least margins.
    package mutating func evict(below limit: Float, most: Int) {
        let margins = rows.withUnsafeBufferPointer { rows in
            signs.indices.map { margin(rows.baseAddress! + $0 * width) }
        }
        var idle = signs.indices.filter { signs[$0] < 0 && multipliers[$0] == 0 }
        var gone = Set(idle.filter { margins[$0] < limit })
        let left = signs.filter { $0 < 0 }.count - gone.count
        if left > most {
            idle = idle.filter { !gone.contains($0) }.sorted { (margins[$0], $0) < (margins[$1], $1) }
            gone.formUnion(idle.prefix(left - most))
        }
        guard !gone.isEmpty else { return }
        let kept = signs.indices.filter { !gone.contains($0) }
        for (place, index) in kept.enumerated() where place != index {
            rows.withUnsafeMutableBufferPointer { rows in
                (rows.baseAddress! + place * width).update(from: rows.baseAddress! + index * width, count: width)
            }
        }
        rows.removeLast((count - kept.count) * width)
        (signs, multipliers) = (kept.map { signs[$0] }, kept.map { multipliers[$0] })
        lengths = kept.map { lengths[$0] }
    }

    private static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var first = SIMD16<Float>.zero, second = SIMD16<Float>.zero, index = 0
        func load(_ pointer: UnsafePointer<Float>, _ at: Int) -> SIMD16<Float> {
            UnsafeRawPointer(pointer + at).loadUnaligned(as: SIMD16<Float>.self)
        }
        while index + 32 <= count {
            first += load(a, index) * load(b, index)
            second += load(a, index + 16) * load(b, index + 16)
            index += 32
        }
        var sum = (first + second).sum()
        while index < count {
            sum += a[index] * b[index]
            index += 1
        }
        return sum
    }

    private static func add(_ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ factor: Float, _ count: Int) {
        var index = 0
        while index + 16 <= count {
            let raw = UnsafeMutableRawPointer(a + index)
            let sum =
                raw.loadUnaligned(as: SIMD16<Float>.self)
                + factor * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD16<Float>.self)
            raw.storeBytes(of: sum, as: SIMD16<Float>.self)
            index += 16
        }
        while index < count {
            a[index] += factor * b[index]
            index += 1
        }
    }
}
