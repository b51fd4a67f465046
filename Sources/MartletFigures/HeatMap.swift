/// A matrix as coloured cells with labels: confusion matrices, attention, gates.
public struct HeatMap: Figure {
    public var title: String
    /// Row by row from the top; rows may differ in length.
    public var values: [[Double]]
    public var rowLabels: [String]
    public var columnLabels: [String]
    /// What the rows and the columns are.
    public var rowTitle: String
    public var columnTitle: String
    public var colors: ColorMap
    /// What the ends of the colours stand for; the least and the greatest value where nil.
    public var range: ClosedRange<Double>?
    /// Turns a value into the text in its cell; nil for none.
    public var format: (@Sendable (Double) -> String)?
    /// The size of a cell in pixels; chosen by the number of cells where nil.
    public var cell: (width: Double, height: Double)?
    /// Beside the scale of colours; no scale where nil.
    public var keyTitle: String?

    public init(
        _ title: String = "", _ values: [[Double]], rowLabels: [String] = [], columnLabels: [String] = [], rowTitle: String = "",
        columnTitle: String = "", colors: ColorMap = .viridis, range: ClosedRange<Double>? = nil, keyTitle: String? = "",
        cell: (width: Double, height: Double)? = nil, format: (@Sendable (Double) -> String)? = nil
    ) {
        self.title = title
        self.values = values
        self.rowLabels = rowLabels
        self.columnLabels = columnLabels
        self.rowTitle = rowTitle
        self.columnTitle = columnTitle
        self.colors = colors
        self.range = range
        self.keyTitle = keyTitle
        self.cell = cell
        self.format = format
    }

    public var size: (width: Double, height: Double) {
        let layout = Layout(self)
        return (layout.width, layout.height)
    }

    public var content: String {
        let layout = Layout(self)
        var svg = SVG()
        _ = PlotHeader(title: title, entries: [], width: layout.width).draw(in: &svg)
        drawCells(layout, in: &svg)
        drawLabels(layout, in: &svg)
        svg.rect(layout.left, layout.top, layout.cellsWidth, layout.cellsHeight, SVG.stroke(SVG.Tone.frame))
        if let keyTitle, layout.rows * layout.columns > 0 {
            PlotFrame.drawKey(
                colors, layout.range, keyTitle, x: layout.left + layout.cellsWidth + 16, y: layout.top, width: 14,
                height: min(max(layout.cellsHeight, 80), 320), in: &svg)
        }
        return svg.body
    }

    /// Where everything lies.
    struct Layout {
        let rows: Int
        let columns: Int
        let cell: (width: Double, height: Double)
        let left: Double
        let top: Double
        let width: Double
        let height: Double
        let range: ClosedRange<Double>
        let isTilted: Bool
        var cellsWidth: Double { Double(columns) * cell.width }
        var cellsHeight: Double { Double(rows) * cell.height }

        init(_ map: HeatMap) {
            rows = map.values.count
            columns = map.values.map(\.count).max() ?? 0
            range = map.range ?? Scale.extent(map.values.joined()) ?? 0...1
            if let cell = map.cell {
                self.cell = (max(cell.width, 1), max(cell.height, 1))
            } else {
                let side = min(46, max(3, 460 / Double(max(rows, columns, 1))))
                let widest = map.format.map { format in
                    map.values.joined().prefix(4096).map { SVG.width(of: format($0), size: 11) + 8 }.max() ?? 0
                }
                self.cell = (max(side, min(widest ?? 0, 64)), side)
            }
            func widest(_ labels: [String]) -> Double { labels.prefix(1024).map { SVG.width(of: $0, size: 11) }.max() ?? 0 }
            left = 12 + (map.rowTitle.isEmpty ? 0 : 20) + min(widest(map.rowLabels), 180) + (map.rowLabels.isEmpty ? 0 : 8)
            top = map.title.isEmpty ? 12 : 40
            let label = widest(map.columnLabels)
            isTilted = label > cell.width - 4
            let below = map.columnLabels.isEmpty ? 10 : isTilted ? min(label, 180) * 0.72 + 16 : 22
            let inner = Double(rows) * cell.height
            let key = map.keyTitle == nil ? 16.0 : 96
            width = max(left + Double(columns) * cell.width + key, SVG.width(of: map.title, size: 15) * 0.7, 160)
            height = top + max(inner, map.keyTitle == nil || rows == 0 ? 20 : 80) + below + (map.columnTitle.isEmpty ? 4 : 24)
        }
    }

    private func drawCells(_ layout: Layout, in svg: inout SVG) {
        if layout.rows * layout.columns > 4096 {
            let flat = values.flatMap { $0 + [Double](repeating: .nan, count: layout.columns - $0.count) }
            let field = Field(columns: layout.columns, rows: layout.rows, x: 0...1, y: 0...1, values: flat)
            let upright = (0..<layout.rows).reversed().flatMap { row in (0..<layout.columns).map { field[$0, row] } }
            let flipped = Field(columns: layout.columns, rows: layout.rows, x: 0...1, y: 0...1, values: upright)
            svg.add(
                Raster(field: flipped, colors: colors, range: layout.range).element(
                    x: layout.left, y: layout.top, width: layout.cellsWidth, height: layout.cellsHeight, isSmooth: false))
            return
        }
        let color = Raster.coloring(colors, layout.range)
        let textSize = min(12, layout.cell.height * 0.42)
        for (row, line) in values.enumerated() {
            for (column, value) in line.enumerated() {
                let x = layout.left + Double(column) * layout.cell.width, y = layout.top + Double(row) * layout.cell.height
                let fill = color(value)
                svg.rect(x, y, layout.cell.width + 0.25, layout.cell.height + 0.25, " fill=\"\(fill.hex)\"")
                guard let format, textSize >= 5 else { continue }
                svg.text(
                    format(value), x + layout.cell.width / 2, y + layout.cell.height / 2 + textSize * 0.36, size: textSize,
                    anchor: .middle, fill: " fill=\"\(fill.brightness > 0.55 ? "#1f2328" : "#ffffff")\"")
            }
        }
    }

    private func drawLabels(_ layout: Layout, in svg: inout SVG) {
        let muted = SVG.fill(SVG.Tone.muted)
        /// Labels closer than 11 pixels are thinned out.
        func every(_ extent: Double) -> Int { max(1, Int((11 / max(extent, 0.01)).rounded(.up))) }
        for (row, label) in rowLabels.prefix(layout.rows).enumerated() where row % every(layout.cell.height) == 0 {
            let y = layout.top + (Double(row) + 0.5) * layout.cell.height + 4
            svg.text(label, layout.left - 7, y, size: 11, anchor: .end)
        }
        let bottom = layout.top + layout.cellsHeight
        for (column, label) in columnLabels.prefix(layout.columns).enumerated()
        where column % every(layout.cell.width) == 0 {
            let x = layout.left + (Double(column) + 0.5) * layout.cell.width
            if layout.isTilted {
                svg.text(label, x + 3, bottom + 13, size: 11, anchor: .end, rotated: -45)
            } else {
                svg.text(label, x, bottom + 16, size: 11, anchor: .middle)
            }
        }
        svg.text(columnTitle, layout.left + layout.cellsWidth / 2, layout.height - 9, anchor: .middle, fill: muted)
        svg.text(rowTitle, 16, layout.top + layout.cellsHeight / 2, anchor: .middle, fill: muted, rotated: -90)
    }
}
