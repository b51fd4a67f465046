/// Reductions of a list of numbers.
enum ReductionReference {
    static func sum(_ x: [Double]) -> Double { x.reduce(0, +) }

    static func mean(_ x: [Double]) -> Double { x.isEmpty ? .nan : sum(x) / Double(x.count) }

    static func variance(_ x: [Double], _ correction: Int) -> Double {
        let center = mean(x)
        return x.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(x.count - correction)
    }

    static func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// The first that is ahead of all others; NaN where one is.
    static func extreme(_ x: [Double], _ isAhead: (Double, Double) -> Bool) -> Double { x[Int(argument(x, isAhead))] }

    /// The position of the first that is ahead of all others, or of the first NaN.
    static func argument(_ x: [Double], _ isAhead: (Double, Double) -> Bool) -> Double {
        if let nan = x.firstIndex(where: \.isNaN) { return Double(nan) }
        var best = 0
        for index in x.indices where isAhead(x[index], x[best]) { best = index }
        return Double(best)
    }
}
