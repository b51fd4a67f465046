import Foundation
import MartletFigures
import Testing

/// No data, however odd, stops the program or spoils the document.
struct OddDataTests {
    private static let lists: [[Double]] = [
        [], [3], [5, 5, 5], [.nan, .nan], [.infinity, -.infinity, .nan, 1], [-1.7e308, 1.7e308, 0], [1e-300, 2e-300],
        [0, -1, -5], [1e17, 1e17 + 16], [.leastNonzeroMagnitude, 0],
    ]

    private static func check(_ figure: any Figure) throws {
        let markup = try Markup(figure.svg)
        #expect(figure.size.width.isFinite && figure.size.height.isFinite && figure.size.width > 0 && figure.size.height > 0)
        for element in markup.elements {
            for (name, value) in element.attributes where !["d", "href", "aria-label"].contains(name) {
                #expect(!value.contains("nan") && !value.contains("inf"), "\(element.name) \(name)=\(value)")
            }
        }
    }

    @Test(arguments: lists.indices, [Axis.Kind.linear, .logarithmic]) func plots(list: Int, kind: Axis.Kind) throws {
        let values = Self.lists[list], points = [Point](values)
        let swapped = points.map { Point($0.y, $0.x) }
        for axes in [(Axis("x"), Axis("y", kind)), (Axis("x", kind), Axis("y"))] {
            try Self.check(
                Plot(
                    "odd", x: axes.0, y: axes.1,
                    [
                        .line("l", points, dots: true), .line("s", swapped), .points("p", points, symbol: .cross),
                        .band("b", x: values, low: values.reversed(), high: values), .histogram("h", values),
                        .bars("r", values.map { ($0, $0 + 1, $0) }), .rule(x: values.first ?? .nan, "here"),
                        .rule(y: values.last ?? .nan), .label("word", at: Point(values.first ?? .nan, 0)),
                    ]))
        }
    }

    @Test(arguments: lists.indices) func fields(list: Int) throws {
        let values = Self.lists[list]
        for (columns, rows) in [(1, values.count), (values.count, 1), (2, 2), (0, -3)] {
            let field = Field(columns: columns, rows: rows, x: 0...1, y: -1...1, values: values)
            try Self.check(Plot("", [.field(field, name: "value"), .contours(field, count: 5)]))
            try Self.check(Surface("s", field, paths: [.init("p", values.map { ($0, $0, $0) })]))
        }
        try Self.check(HeatMap("h", [values, [1], []], rowLabels: ["only one"], columnLabels: ["a"]) { tidy($0) })
        try Self.check(BarChart("b", ["x", "y"], [("a", values), ("b", [])]) { tidy($0) })
        try Self.check(Surface("", Field(columns: 3, rows: 3, x: 2...2, y: 0...0, values: values)))
    }

    @Test func pictures() throws {
        let short = Raster(width: 3, height: 2, channels: 3, pixels: [1, 2])
        try Self.check(ImageGrid("none", [], columns: 0))
        try Self.check(ImageGrid("a", [.init(short, "caption", frame: .series(-7)), .init(short)], columns: 5, cellWidth: 0))
        try Self.check(ImageGrid("", [.init(Raster(width: 0, height: -2, values: []))], columns: 1))
        try Self.check(
            BoxedImage("b", short, boxes: [.init(.nan, 0, 1, 1, "x"), .init(9, 9, -4, 1, "<&>\u{0}\u{1B}"), .init(0, 0, 0, 0)]))
        try Self.check(Panels("none", columns: 0, []))
        #expect(ColorMap([])(0.5) == Color(0x808080) && ColorMap.viridis(.nan) == ColorMap.viridis.missing)
        #expect(ColorMap.gray(-3) == Color(0) && ColorMap.gray(7) == Color(0xFFFFFF))
    }

    @Test(arguments: [
        (0, "0"), (-0.25, "−0.25"), (1234.5678, "1235"), (999_999, "999999"), (1e6, "10⁶"), (-2.5e-7, "−2.5·10⁻⁷"),
        (.nan, "NaN"), (-.infinity, "−∞"), (9.9999e9, "10¹⁰"),
    ]) func numbersAreTidy(value: Double, text: String) { #expect(tidy(value) == text) }
}
