import Foundation
import MartletFigures
import Testing

struct PictureTests {
    @Test func heatMapColorsCellsAndLabels() throws {
        let map = HeatMap(
            "Confusion", [[0, 10], [5, 2]], rowLabels: ["cat", "dog"], columnLabels: ["c", "d"], rowTitle: "true",
            columnTitle: "predicted", colors: .gray, keyTitle: nil
        ) { String(Int($0)) }
        let markup = try Markup(map.svg)
        let cells = markup.all("rect").filter { $0.attributes["class"] == nil }
        #expect(cells.map { $0.attributes["fill"] } == ["#000000", "#ffffff", "#808080", "#333333"])
        #expect(cells[0].number("x") < cells[1].number("x") && cells[0].number("y") < cells[2].number("y"))
        for word in ["0", "10", "5", "2", "cat", "dog", "c", "d", "true", "predicted", "Confusion"] {
            #expect(markup.texts.contains(word), "\(word)")
        }
    }

    /// A matrix of many cells becomes one picture.
    @Test func largeHeatMapIsAPicture() throws {
        let markup = try Markup(HeatMap("", [[Double]](repeating: (0..<100).map(Double.init), count: 50)).svg)
        #expect(markup.all("image").count == 1 && markup.elements.count < 100)
    }

    @Test func surfaceDrawsEveryCellAndPath() throws {
        let field = Field(columns: 6, rows: 5, x: 0...1, y: 0...1) { $0 * $1 }
        let surface = Surface("s", field, paths: [.init("way", [(0, 0, 0), (0.5, 0.5, 0.25), (1, 1, 1)])])
        let markup = try Markup(surface.svg)
        #expect(markup.all("path").filter { $0.attributes["d"]?.hasSuffix("Z") == true }.count == 5 * 4)
        #expect(markup.texts.contains("way") && markup.all("circle").count == 1)
        for corner in markup.all("path").flatMap(Markup.corners) {
            #expect((0...surface.size.width).contains(corner.x) && (0...surface.size.height).contains(corner.y))
        }
    }

    @Test func boxesScaleWithTheirPicture() throws {
        let picture = BoxedImage(
            "", Raster(width: 10, height: 5, channels: 1, pixels: []), boxes: [.init(1, 1, 4, 3, "it 0.9")], width: 200)
        let markup = try Markup(picture.svg)
        let box = try #require(markup.all("rect").first { $0.attributes["fill"] == "none" })
        #expect(["x", "y", "width", "height"].map(box.number) == [20, 20, 60, 40])
        #expect(markup.texts == ["it 0.9"] && picture.size == (200, 100))
    }

    /// A PNG by the letter of its specification: signature, size, kind, and the check sum of an empty IEND chunk.
    @Test func pngIsOne() throws {
        let raster = Raster(width: 3, height: 2, values: [0, 1, 2, 3, 4, Float.nan], range: 0...4)
        #expect(Array(raster.pixels.prefix(9)) == [0, 0, 0, 64, 64, 64, 128, 128, 128] && raster.channels == 3)
        let png = raster.png
        #expect(
            png.starts(
                with: [137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13] + Array("IHDR".utf8) + [0, 0, 0, 3, 0, 0, 0, 2, 8, 2]))
        #expect(png.suffix(12) == [0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130])
        #expect(raster.enlarged(4).width == 12 && raster.enlarged(4).pixels.count == 16 * raster.pixels.count)
        let planes = Raster(width: 2, height: 1, planes: [0, 1, 0.5, 0.2, .nan, 2])
        #expect(planes.pixels == [0, 128, 0, 255, 51, 255])
    }

    @Test func pagesHoldEverythingThemselves() throws {
        let plot = Plot("p", [.line("a", [Point(0, 0), Point(1, 1)])])
        let page = HTMLPage(
            "A & B", lead: "On *this* and `x < y`.",
            [
                .init("One", [.text("**Bold** 2 * 3 `code"), .figure(plot, caption: "c"), .figures([plot, plot])]),
                .init(
                    "Two",
                    [
                        .table(header: ["n", "v"], rows: [["<a>", "1"]]), .code("a < b"), .list(["x"]), .note("n"),
                        .image(png: Raster(width: 1, height: 1, channels: 1, pixels: [9]).png, width: 10),
                    ]),
            ])
        let html = page.html
        for piece in [
            "<title>A &amp; B</title>", "On <em>this</em> and <code>x &lt; y</code>.", "<strong>Bold</strong> 2 * 3 `code",
            "<td>&lt;a&gt;</td>", "<pre>a &lt; b</pre>", "data:image/png;base64,iVBOR", "prefers-color-scheme",
        ] {
            #expect(html.contains(piece), "\(piece)")
        }
        #expect(html.components(separatedBy: "<svg viewBox").count == 4)
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("src=\"/"))
    }
}
