import Foundation

/// A field as a surface in space, seen from above and aside, with paths upon it. Drawn from back to front.
public struct Surface: Figure {
    public var title: String
    public var field: Field
    public var x: Axis
    public var y: Axis
    public var z: Axis
    public var colors: ColorMap
    /// Lines that lie on the surface.
    public var paths: [Path]
    /// From where it is seen, in degrees: round the upright axis, and above the horizon.
    public var azimuth: Double
    public var elevation: Double
    public var size: (width: Double, height: Double)

    public struct Path: Sendable {
        public var name: String
        /// x, y and height.
        public var points: [(x: Double, y: Double, z: Double)]
        public var ink: Ink

        public init(_ name: String, _ points: [(x: Double, y: Double, z: Double)], ink: Ink = .automatic) {
            self.name = name
            self.points = points
            self.ink = ink
        }
    }

    public init(
        _ title: String = "", _ field: Field, x: Axis = Axis(), y: Axis = Axis(), z: Axis = Axis(), colors: ColorMap = .viridis,
        paths: [Path] = [], azimuth: Double = -60, elevation: Double = 32, size: (width: Double, height: Double) = (640, 480)
    ) {
        self.title = title
        self.field = field
        self.x = x
        self.y = y
        self.z = z
        self.colors = colors
        self.paths = paths
        self.azimuth = azimuth.isFinite ? azimuth : -60
        self.elevation = elevation.isFinite ? elevation : 32
        self.size = (max(size.width, 160), max(size.height, 120))
    }

    /// A place in the unit cube.
    private struct Place {
        var x: Double
        var y: Double
        var z: Double
    }

    /// From the unit cube to the picture; the third number grows away from the eye.
    private struct View {
        let turn: (cos: Double, sin: Double)
        let tilt: (cos: Double, sin: Double)
        let center: Point
        let scale: Double

        init(azimuth: Double, elevation: Double, center: Point, scale: Double) {
            let a = azimuth * .pi / 180, e = min(max(elevation, 5), 88) * .pi / 180
            turn = (cos(a), sin(a))
            tilt = (cos(e), sin(e))
            self.center = center
            self.scale = scale
        }

        func callAsFunction(_ place: Place) -> (point: Point, depth: Double) {
            let (px, py, pz) = (place.x - 0.5, place.y - 0.5, (place.z - 0.5) * 0.72)
            // The eye lies in the direction (cos a, sin a); `aside` is to its right.
            let toward = px * turn.cos + py * turn.sin, aside = -px * turn.sin + py * turn.cos
            let up = pz * tilt.cos - toward * tilt.sin
            return (Point(center.x + scale * aside, center.y - scale * up), -(toward * tilt.cos + pz * tilt.sin))
        }
    }

    public var content: String {
        let entries = paths.enumerated().filter { !$0.element.name.isEmpty }.map { index, path in
            PlotHeader.Entry(name: path.name, ink: path.ink == .automatic ? .series(index) : path.ink, sign: .line)
        }
        var svg = SVG()
        let top = PlotHeader(title: title, entries: entries, width: size.width).draw(in: &svg)
        // The box's silhouette fills the room between the legend and the labels below.
        let a = azimuth * .pi / 180, e = min(max(elevation, 5), 88) * .pi / 180
        let upper = 0.36 * cos(e) + 0.5 * (abs(cos(a)) + abs(sin(a))) * sin(e)
        let scale = min((size.width - 130) / (abs(cos(a)) + abs(sin(a))), (size.height - top - 52) / (2 * upper))
        let view = View(
            azimuth: azimuth, elevation: elevation, center: Point(size.width / 2, top + 8 + upper * scale), scale: scale)
        let xs = Scale(x, values: [field.x.lowerBound, field.x.upperBound], count: 4)
        let ys = Scale(y, values: [field.y.lowerBound, field.y.upperBound], count: 4)
        let zs = Scale(z, values: field.values, count: 4)
        drawBox(view, xs, ys, zs, in: &svg)
        var pieces = quads(view, xs, ys, zs)
        for (index, path) in paths.enumerated() {
            pieces += segments(path, path.ink == .automatic ? .series(index) : path.ink, view, xs, ys, zs)
        }
        pieces.sort { $0.depth > $1.depth }
        for piece in pieces { svg.add(piece.markup) }
        return svg.body
    }

    private typealias Piece = (depth: Double, markup: String)

    private func quads(_ view: View, _ xs: Scale, _ ys: Scale, _ zs: Scale) -> [Piece] {
        let places = Field.places(columns: field.columns, rows: field.rows, x: field.x, y: field.y)
        let corners: [(Place, Point, Double)?] = zip(places, field.values).map { place, value in
            guard let px = xs.position(place.x), let py = ys.position(place.y), let pz = zs.position(value) else { return nil }
            let inside = Place(x: px, y: py, z: min(max(pz, 0), 1))
            let (point, depth) = view(inside)
            return (inside, point, depth)
        }
        var pieces: [Piece] = []
        for row in 0..<max(field.rows - 1, 0) {
            for column in 0..<max(field.columns - 1, 0) {
                let first = row * field.columns + column
                let indices = [first, first + 1, first + field.columns + 1, first + field.columns]
                let found = indices.compactMap { corners[$0] }
                guard found.count == 4 else { continue }
                let height = found.reduce(0) { $0 + $1.0.z } / 4
                // Light from the left and above: slopes that face it are brighter.
                let slope = (found[1].0.z + found[2].0.z - found[0].0.z - found[3].0.z) * Double(field.columns) / 4
                let shade = min(max(slope * 0.12, -0.22), 0.22)
                let plain = colors(height)
                let color = shade < 0 ? plain.mixed(with: Color(0x000000), -shade) : plain.mixed(with: Color(0xFFFFFF), shade)
                let data = SVG.path(found.map(\.1), closed: true)
                let depth = found.reduce(0) { $0 + $1.2 } / 4
                let edge = color.mixed(with: Color(0x000000), 0.16).hex
                pieces.append(
                    (depth, "<path d=\"\(data)\" fill=\"\(color.hex)\" stroke=\"\(edge)\" stroke-width=\"0.4\"/>"))
            }
        }
        return pieces
    }

    /// A path in pieces, a little nearer to the eye than the surface below it.
    private func segments(_ path: Path, _ ink: Ink, _ view: View, _ xs: Scale, _ ys: Scale, _ zs: Scale) -> [Piece] {
        let places = path.points.map { point -> Place? in
            guard let px = xs.position(point.x), let py = ys.position(point.y), let pz = zs.position(point.z) else { return nil }
            guard (-0.001...1.001).contains(px), (-0.001...1.001).contains(py) else { return nil }
            return Place(x: px, y: py, z: min(max(pz, 0), 1) + 0.012)
        }
        let bias = 2.2 / Double(max(min(field.columns, field.rows), 4))
        var pieces: [Piece] = []
        for (from, to) in zip(places, places.dropFirst()) {
            guard let from, let to else { continue }
            let (a, b) = (view(from), view(to))
            pieces.append(
                (
                    min(a.depth, b.depth) - bias,
                    "<path d=\"\(SVG.path([a.point, b.point]))\"\(SVG.stroke(ink)) stroke-width=\"2.4\" stroke-linecap=\"round\"/>"
                ))
        }
        if let last = places.compactMap({ $0 }).last {
            let end = view(last)
            var dot = SVG()
            dot.circle(end.point.x, end.point.y, 4, SVG.fill(ink) + " stroke=\"#fff\" stroke-width=\"1\"")
            pieces.append((end.depth - bias, dot.body))
        }
        return pieces
    }

    /// The floor, the two walls behind, and numbers along the edges nearest to the eye.
    private func drawBox(_ view: View, _ xs: Scale, _ ys: Scale, _ zs: Scale, in svg: inout SVG) {
        func project(_ x: Double, _ y: Double, _ z: Double) -> Point { view(Place(x: x, y: y, z: z)).point }
        let nearX: Double = view.turn.cos >= 0 ? 1 : 0, nearY: Double = view.turn.sin >= 0 ? 1 : 0
        let grid = SVG.stroke(SVG.Tone.grid), frame = SVG.stroke(SVG.Tone.frame), muted = SVG.fill(SVG.Tone.muted)
        func draw(_ points: [Point], _ attributes: String) { svg.add("<path d=\"\(SVG.path(points))\"\(attributes)/>") }
        let (farX, farY) = (1 - nearX, 1 - nearY)
        /// Beside the edge that it belongs to, away from the box.
        func label(_ text: String, _ place: Point, _ edge: Point, _ size: Double, _ distance: Double) {
            let side: Double = edge.x < view.center.x ? -1 : 1
            svg.text(
                text, place.x + side * distance * 0.5, place.y + distance, size: size, anchor: side < 0 ? .end : .start,
                fill: muted)
        }
        let edgeX = project(0.5, nearY, 0), edgeY = project(nearX, 0.5, 0)
        for tick in xs.ticks {
            guard let share = xs.position(tick.value), (-0.001...1.001).contains(share) else { continue }
            draw([project(share, nearY, 0), project(share, farY, 0), project(share, farY, 1)], grid)
            label(tick.label, project(share, nearY, 0), edgeX, 11, 13)
        }
        for tick in ys.ticks {
            guard let share = ys.position(tick.value), (-0.001...1.001).contains(share) else { continue }
            draw([project(nearX, share, 0), project(farX, share, 0), project(farX, share, 1)], grid)
            label(tick.label, project(nearX, share, 0), edgeY, 11, 13)
        }
        // The upright numbers stand at the silhouette's left end.
        let left = [(nearX, farY), (farX, nearY)].min { project($0.0, $0.1, 0).x < project($1.0, $1.1, 0).x } ?? (0, 0)
        for tick in zs.ticks {
            guard let share = zs.position(tick.value), (-0.001...1.001).contains(share) else { continue }
            draw([project(nearX, farY, share), project(farX, farY, share), project(farX, nearY, share)], grid)
            let place = project(left.0, left.1, share)
            svg.text(tick.label, place.x - 7, place.y + 4, size: 11, anchor: .end, fill: muted)
        }
        draw([project(nearX, farY, 0), project(nearX, nearY, 0), project(farX, nearY, 0)], frame)
        draw([project(nearX, farY, 0), project(farX, farY, 0), project(farX, nearY, 0)], frame)
        draw([project(farX, farY, 0), project(farX, farY, 1)], frame)
        label(x.label, edgeX, edgeX, 12, 30)
        label(y.label, edgeY, edgeY, 12, 30)
        let middle = project(left.0, left.1, 0.5)
        let widest = zs.ticks.map { SVG.width(of: $0.label, size: 11) }.max() ?? 0
        svg.text(z.label, max(middle.x - widest - 16, 12), middle.y, anchor: .middle, fill: muted, rotated: -90)
    }
}
