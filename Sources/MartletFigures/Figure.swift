/// A picture as SVG that needs nothing beside it: alone in a file, or in a page.
public protocol Figure: Sendable {
    /// Width and height in pixels at 100 %.
    var size: (width: Double, height: Double) { get }
    /// Read out and shown as its title.
    var title: String { get }
    /// The elements within `size`, without the enclosing `svg`.
    var content: String { get }
}

extension Figure {
    /// The whole document, for a file of its own.
    public var svg: String { SVG.document(width: size.width, height: size.height, title: title, body: content) }
}

/// A place in a plot.
public struct Point: Sendable, Hashable {
    public var x: Double
    public var y: Double

    public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }

    var isFinite: Bool { x.isFinite && y.isFinite }
}

extension [Point] {
    /// Values over 0, 1, 2 and so on, or over other evenly spaced places.
    public init(_ values: [Double], from start: Double = 0, by step: Double = 1) {
        self = values.enumerated().map { Point(start + step * Double($0.offset), $0.element) }
    }
}

/// Values over a rectangle, sampled at the centres of columns x rows evenly spaced places whose first and last lie on its edges.
public struct Field: Sendable, Hashable {
    public let columns: Int
    public let rows: Int
    public let x: ClosedRange<Double>
    public let y: ClosedRange<Double>
    /// Row by row from the lowest y.
    public let values: [Double]

    /// - Parameter values: row by row from the lowest y; what is missing is NaN, what is too much is left out.
    public init(columns: Int, rows: Int, x: ClosedRange<Double>, y: ClosedRange<Double>, values: [Double]) {
        self.columns = max(columns, 1)
        self.rows = max(rows, 1)
        self.x = x
        self.y = y
        let count = self.columns * self.rows
        self.values = Array((values + [Double](repeating: .nan, count: max(count - values.count, 0))).prefix(count))
    }

    /// A function's values.
    public init(
        columns: Int, rows: Int, x: ClosedRange<Double>, y: ClosedRange<Double>, _ function: (Double, Double) -> Double
    ) {
        let places = Field.places(columns: columns, rows: rows, x: x, y: y)
        self.init(columns: columns, rows: rows, x: x, y: y, values: places.map { function($0.x, $0.y) })
    }

    /// Where the values of a field lie, in their order.
    public static func places(columns: Int, rows: Int, x: ClosedRange<Double>, y: ClosedRange<Double>) -> [Point] {
        func place(_ index: Int, _ count: Int, _ range: ClosedRange<Double>) -> Double {
            count < 2
                ? (range.lowerBound + range.upperBound) / 2
                : range.lowerBound + (range.upperBound - range.lowerBound) * Double(index) / Double(count - 1)
        }
        return (0..<max(rows, 1)).flatMap { row in
            (0..<max(columns, 1)).map { Point(place($0, columns, x), place(row, rows, y)) }
        }
    }

    public subscript(column: Int, row: Int) -> Double { values[row * columns + column] }

    /// The least and the greatest finite value; 0...1 where there is none.
    public var range: ClosedRange<Double> { Scale.extent(values) ?? 0...1 }

    /// With a function applied to each value.
    public func map(_ function: (Double) -> Double) -> Field {
        Field(columns: columns, rows: rows, x: x, y: y, values: values.map(function))
    }
}
