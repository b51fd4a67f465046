/// Pictures in rows, with captions.
public struct ImageGrid: Figure {
    public struct Cell: Sendable {
        public var image: Raster
        public var caption: String
        /// Drawn around the picture, to set it apart.
        public var frame: Ink?

        public init(_ image: Raster, _ caption: String = "", frame: Ink? = nil) {
            self.image = image
            self.caption = caption
            self.frame = frame
        }
    }

    public var title: String
    public var cells: [Cell]
    public var columns: Int { didSet { columns = max(columns, 1) } }
    /// The width of a picture in pixels; its height follows.
    public var cellWidth: Double
    /// Whether enlarged pixels are blended rather than shown as squares.
    public var isSmooth: Bool

    public init(_ title: String = "", _ cells: [Cell], columns: Int, cellWidth: Double = 72, isSmooth: Bool = false) {
        self.title = title
        self.cells = cells
        self.columns = max(columns, 1)
        self.cellWidth = max(cellWidth, 4)
        self.isSmooth = isSmooth
    }

    private static let gap = 10.0
    private var captionHeight: Double { cells.contains { !$0.caption.isEmpty } ? 17 : 0 }
    private func height(_ cell: Cell) -> Double {
        min(cellWidth * Double(cell.image.height) / Double(cell.image.width), 4 * cellWidth)
    }
    /// The height of each row's pictures: that of the tallest.
    private var rowHeights: [Double] {
        stride(from: 0, to: cells.count, by: columns).map { start in
            cells[start..<min(start + columns, cells.count)].map(height).max() ?? 0
        }
    }
    private var top: Double { title.isEmpty ? 12 : 38 }

    public var size: (width: Double, height: Double) {
        let used = Double(min(columns, max(cells.count, 1)))
        let tall = rowHeights.reduce(0) { $0 + $1 + captionHeight + Self.gap }
        let width = 24 + used * (cellWidth + Self.gap) - Self.gap
        return (max(width, SVG.width(of: title, size: 15) * 0.8), top + tall + 4)
    }

    public var content: String {
        var svg = SVG()
        _ = PlotHeader(title: title, entries: [], width: size.width).draw(in: &svg)
        let heights = rowHeights
        var y = top
        for (index, cell) in cells.enumerated() {
            let row = index / columns, x = 12 + Double(index % columns) * (cellWidth + Self.gap), height = height(cell)
            if index % columns == 0, row > 0 { y += heights[row - 1] + captionHeight + Self.gap }
            svg.add(cell.image.element(x: x, y: y, width: cellWidth, height: height, isSmooth: isSmooth))
            if let frame = cell.frame { svg.rect(x, y, cellWidth, height, SVG.stroke(frame) + " stroke-width=\"2.5\"") }
            let fit = min(11.5, 11.5 * (cellWidth + 8) / max(SVG.width(of: cell.caption, size: 11.5), 1))
            svg.text(cell.caption, x + cellWidth / 2, y + heights[row] + 13, size: max(fit, 6), anchor: .middle)
        }
        return svg.body
    }
}

/// A picture with boxes drawn on it.
public struct BoxedImage: Figure {
    public struct Box: Sendable {
        /// Left, top, right and bottom in pixels of the picture.
        public var corners: (x1: Double, y1: Double, x2: Double, y2: Double)
        public var label: String
        public var ink: Ink
        public var isDashed: Bool

        public init(
            _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ label: String = "", ink: Ink = .series(1),
            dashed: Bool = false
        ) {
            corners = (x1, y1, x2, y2)
            self.label = label
            self.ink = ink
            isDashed = dashed
        }
    }

    public var title: String
    public var image: Raster
    public var boxes: [Box]
    /// The width it is shown at.
    public var width: Double

    public init(_ title: String = "", _ image: Raster, boxes: [Box], width: Double = 640) {
        self.title = title
        self.image = image
        self.boxes = boxes
        self.width = max(width, 40)
    }

    private var top: Double { title.isEmpty ? 0 : 38 }
    private var scale: Double { width / Double(image.width) }
    public var size: (width: Double, height: Double) { (width, top + Double(image.height) * scale) }

    public var content: String {
        var svg = SVG()
        _ = PlotHeader(title: title, entries: [], width: width).draw(in: &svg)
        svg.add(image.element(x: 0, y: top, width: width, height: Double(image.height) * scale, isSmooth: scale < 3))
        for box in boxes {
            let corners = [box.corners.x1, box.corners.y1, box.corners.x2, box.corners.y2]
            guard corners.allSatisfy(\.isFinite) else { continue }
            let x = min(corners[0], corners[2]) * scale, y = top + min(corners[1], corners[3]) * scale
            let (w, h) = (abs(corners[2] - corners[0]) * scale, abs(corners[3] - corners[1]) * scale)
            let color = " stroke=\"\(box.ink.color.hex)\" fill=\"none\""
            svg.rect(x, y, w, h, color + " stroke-width=\"2.2\"\(box.isDashed ? " stroke-dasharray=\"6 4\"" : "")")
            guard !box.label.isEmpty else { continue }
            let wide = SVG.width(of: box.label, size: 11.5) * 1.14 + 9
            let left = min(max(x - 1, 0), max(width - wide, 0)), above = y - 16 >= top ? y - 16 : y
            svg.rect(left, above, wide, 16, " fill=\"\(box.ink.color.hex)\"")
            let dark = box.ink.color.brightness > 0.62
            svg.text(box.label, left + 4, above + 12, size: 11.5, weight: 600, fill: " fill=\"\(dark ? "#1f2328" : "#fff")\"")
        }
        return svg.body
    }
}

/// Figures side by side in one picture.
public struct Panels: Figure {
    public var title: String
    public var figures: [any Figure]
    public var columns: Int { didSet { columns = max(columns, 1) } }

    public init(_ title: String = "", columns: Int, _ figures: [any Figure]) {
        self.title = title
        self.columns = max(columns, 1)
        self.figures = figures
    }

    private var top: Double { title.isEmpty ? 0 : 36 }
    private var rows: [ArraySlice<any Figure>] {
        stride(from: 0, to: figures.count, by: columns).map { figures[$0..<min($0 + columns, figures.count)] }
    }
    private var widths: [Double] {
        (0..<columns).map { column in rows.compactMap { $0.dropFirst(column).first?.size.width }.max() ?? 0 }
    }

    public var size: (width: Double, height: Double) {
        let height = rows.reduce(top) { $0 + ($1.map(\.size.height).max() ?? 0) }
        return (max(widths.reduce(0, +), 40), max(height, 20))
    }

    public var content: String {
        var svg = SVG()
        _ = PlotHeader(title: title, entries: [], width: size.width).draw(in: &svg)
        let widths = self.widths
        var y = top
        for row in rows {
            var x = 0.0
            for (column, figure) in row.enumerated() {
                svg.add("<g transform=\"translate(\(SVG.text(x)) \(SVG.text(y)))\">\(figure.content)</g>")
                x += widths[column]
            }
            y += row.map(\.size.height).max() ?? 0
        }
        return svg.body
    }
}
