import Foundation
import MartletFigures
import Testing

struct PlotTests {
    /// The axes' ranges are given, so that the place of each point is known.
    @Test func pointsStandWhereTheyShould() throws {
        let plot = Plot(
            x: Axis(range: 0...10), y: Axis(range: 0...4),
            [.line(nil, [Point(0, 0), Point(5, 1), Point(10, 4)]), .points(nil, [Point(2.5, 3)], radius: 5)])
        let markup = try Markup(plot.svg)
        let frame = try #require(markup.all("svg").dropFirst().first)
        let (width, height) = (frame.number("width"), frame.number("height"))
        let corners = Markup.corners(try #require(markup.all("path").first))
        #expect(corners.count == 3)
        for (corner, (x, y)) in zip(corners, [(0, 1), (0.5, 0.75), (1, 0)]) {
            #expect(abs(corner.x - x * width) < 0.01 && abs(corner.y - y * height) < 0.01)
        }
        let dot = try #require(markup.all("circle").first)
        #expect(abs(dot.number("cx") - width / 4) < 0.01 && abs(dot.number("cy") - height / 4) < 0.01 && dot.number("r") == 5)
        #expect(frame.number("x") + width <= plot.size.width && frame.number("y") + height <= plot.size.height)
    }

    @Test(arguments: [
        (0.0...10, ["0", "2", "4", "6", "8", "10"]), (-1...1, ["−1.0", "−0.5", "0", "0.5", "1.0"]),
        (0...0.3, ["0", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]),
        (3...3e6, ["5·10⁵", "10⁶", "1.5·10⁶", "2·10⁶", "2.5·10⁶", "3·10⁶"]),
    ]) func ticksAreTidy(range: ClosedRange<Double>, labels: [String]) throws {
        let plot = Plot(x: Axis(range: range), y: Axis(range: 0...1, ticks: []), size: (500, 300), [])
        #expect(try Markup(plot.svg).texts == labels)
    }

    @Test func logarithmicAxesMarkPowersOfTen() throws {
        let plot = Plot(
            x: Axis(range: 0...1, ticks: []), y: Axis("", .logarithmic, range: 1e-4...100),
            [.line(nil, [Point(0, 1e-4), Point(0.25, 0.1), Point(0.5, -1), Point(0.75, 0), Point(1, 100)])])
        let markup = try Markup(plot.svg)
        #expect(markup.texts == ["10⁻⁴", "0.001", "0.01", "0.1", "1", "10", "100"])
        let height = try #require(markup.all("svg").dropFirst().first).number("height")
        // What is not positive leaves a gap; the point beyond it stands alone.
        let corners = Markup.corners(try #require(markup.all("path").first))
        #expect(corners.count == 2 && abs(corners[1].y - height / 2) < 0.01)
        #expect(markup.all("circle").count == 1)
    }

    @Test func legendNamesEachSeriesOnceInItsColor() throws {
        let plot = Plot(
            "Title <&>",
            [
                .line("a", [Point(0, 0), Point(1, 1)]), .line("b & c", [Point(0, 1), Point(1, 0)]),
                .points("a", [Point(0.5, 0.5)]), .line(nil, [Point(0, 0.5), Point(1, 0.5)]),
            ])
        let markup = try Markup(plot.svg)
        #expect(markup.texts.contains("Title <&>") && markup.texts.filter { $0 == "a" }.count == 1)
        #expect(markup.texts.contains("b & c"))
        let strokes = markup.all("path").map { $0.attributes["stroke"] }
        #expect(Set(strokes).count == 3)
        #expect(markup.all("circle").first?.attributes["fill"] == strokes[0])
    }

    @Test func histogramCountsEachValueOnce() throws {
        let values = [0, 0.1, 0.24, 0.25, 0.5, 0.99, 1, .nan, .infinity]
        let plot = Plot(x: Axis(range: 0...1, ticks: []), y: Axis(range: 0...4, ticks: []), [.histogram("n", values, bins: 4)])
        let markup = try Markup(plot.svg)
        let height = try #require(markup.all("svg").dropFirst().first).number("height")
        let bars = markup.all("rect").filter { $0.attributes["fill-opacity"] == "0.6" }
        #expect(bars.map { ($0.number("height") / height * 4).rounded() } == [3, 1, 1, 2])
    }

    /// The lines of equal height of a cone are circles: closed, and at the right distance.
    @Test func contoursOfAConeAreCircles() throws {
        let cone = Field(columns: 81, rows: 61, x: -2...2, y: -1.5...1.5) { ($0 * $0 + $1 * $1).squareRoot() }
        let plot = Plot(x: Axis(range: -2...2), y: Axis(range: -1.5...1.5), [.contours(cone, levels: [0.5, 1, 9])])
        let markup = try Markup(plot.svg)
        let frame = try #require(markup.all("svg").dropFirst().first)
        let paths = markup.all("path")
        #expect(paths.count == 2)
        for (path, radius) in zip(paths, [0.5, 1]) {
            let corners = Markup.corners(path)
            #expect(corners.count > 40 && corners.first == corners.last)
            for corner in corners {
                let x = corner.x / frame.number("width") * 4 - 2, y = 1.5 - corner.y / frame.number("height") * 3
                #expect(abs((x * x + y * y).squareRoot() - radius) < 0.01)
            }
        }
    }
}
