/// How far a device's result may lie from the float64 reference.
///
/// Most compare over a tensor: max|a - b| <= relative * max(max|b|, floor). NaN and infinities must stand where the reference,
/// rounded to float32, has them.
public struct Tolerance: Sendable {
    public var name: String
    public var relative: Double
    /// What the reference's largest value counts for at least, where results cancel to almost nothing.
    public var floor: Double
    /// Whether each element is held to its own size (plus `floor`) instead of to the tensor's largest.
    public var isElementwise: Bool

    /// Bits, indices, copies and masks: nothing is rounded.
    public static let exact = Tolerance(name: "exact", relative: 0, floor: 0, isElementwise: false)
    /// A handful of float32 roundings (one is 6e-8).
    public static let strict = Tolerance(name: "strict", relative: 1e-6, floor: 1e-30, isElementwise: false)
    /// Sums of up to some thousand products in any order.
    public static let balanced = Tolerance(name: "balanced", relative: 1e-5, floor: 1e-30, isElementwise: false)
    /// Results of several such sums, or of differences between them.
    public static let permissive = Tolerance(name: "permissive", relative: 1e-4, floor: 1e-30, isElementwise: false)

    /// The same with another floor.
    public func floor(_ floor: Double) -> Tolerance {
        var copy = self
        copy.floor = floor
        return copy
    }

    /// Each element within `relative` of itself, and `absolute` besides.
    public static func elementwise(_ relative: Double, absolute: Double = 1e-37) -> Tolerance {
        Tolerance(name: "elementwise \(relative)", relative: relative, floor: absolute, isElementwise: true)
    }
}

extension Tolerance {
    /// What is wrong with `values`; nil where they are within the tolerance of `expected`.
    package func mismatch(_ values: [Float], _ expected: [Double], shape: [Int]) -> String? {
        if values.count != expected.count { return "\(values.count) elements, \(expected.count) wanted" }
        var largest = floor
        for value in expected where Float(value).isFinite { largest = max(largest, abs(value)) }
        var wrong = 0, worst = -1, worstError = 0.0
        for index in values.indices {
            let error = excess(values[index], expected[index], largest)
            if error > 0 {
                wrong += 1
                if error > worstError { (worst, worstError) = (index, error) }
            }
        }
        if wrong == 0 { return nil }
        return "\(wrong) of \(values.count) wrong (\(name)); worst at \(place(of: worst, in: shape)): got \(values[worst]), "
            + "want \(Float(expected[worst]))"
    }

    /// How far beyond the tolerance a value lies; infinite for a misplaced NaN or infinity.
    private func excess(_ value: Float, _ expected: Double, _ largest: Double) -> Double {
        let rounded = Float(expected)
        if rounded.isNaN || value.isNaN { return rounded.isNaN && value.isNaN ? 0 : .infinity }
        if rounded.isInfinite || value.isInfinite { return rounded == value ? 0 : .infinity }
        let allowed = isElementwise ? relative * abs(expected) + floor : relative * largest
        // Results below the smallest normal number may be flushed to 0.
        let slack = relative == 0 ? 0 : Double(Float.leastNormalMagnitude)
        let error = abs(Double(value) - (relative == 0 ? Double(rounded) : expected))
        return error <= allowed + slack ? 0 : error
    }

    private func place(of index: Int, in shape: [Int]) -> [Int] {
        var rest = index, place: [Int] = []
        for extent in shape.reversed() {
            place.insert(rest % max(extent, 1), at: 0)
            rest /= max(extent, 1)
        }
        return place
    }
}
