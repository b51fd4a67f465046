import Foundation
import MartletCore
import MartletFigures
import MartletTraining

/// Two layers of cells after Fukushima's Neocognitron (1980), which follow Hubel and Wiesel's simple and complex cells (1962): an S-cell
/// is a rectified oriented filter at one place; a C-cell answers as strongly as any S-cell of its orientation around it.
struct CellStudy {
    /// The side of a C-cell's window.
    static let window = 11
    static let side = 49
    /// Of the stimuli: distances in pixels, and turns in degrees.
    let shifts = Array(stride(from: -12.0, through: 12, by: 0.5))
    let turns = Array(stride(from: -90.0, through: 90, by: 5))
    let simpleByShift: [Double]
    let complexByShift: [Double]
    let simpleByTurn: [Double]
    let complexByTurn: [Double]

    /// Maps [n, orientations, h, w] of S-cells over pictures of one size.
    static func simple(_ pictures: [GrayPicture], _ filters: [Gabor]) -> Tensor {
        let wide = pictures.map { $0.extended(by: (filters.first?.size ?? 1) / 2) }
        let images = Tensor(wide.flatMap(\.values), shape: [wide.count, 1, wide.first?.height ?? 0, wide.first?.width ?? 0])
        return convolution(images, Gabor.weight(filters)).relu()
    }

    /// Maps of C-cells over those of S-cells, one for every place.
    static func complex(_ simple: Tensor) -> Tensor {
        simple.maxPooled(PoolingOptions(kernel: Pair(window, window), stride: 1, padding: Pair(window / 2, window / 2)))
    }

    init() throws {
        let filter = [Gabor(size: 15, wavelength: 9, sigma: 3.6)], side = Self.side
        func answers(_ stimuli: [GrayPicture]) throws -> (simple: [Double], complex: [Double]) {
            let simple = withoutGradients { Self.simple(stimuli, filter) }, complex = Self.complex(simple)
            func middle(_ maps: Tensor) throws -> [Double] {
                let row = maps.detached.sliced(axis: 2, side / 2..<side / 2 + 1)
                return try row.sliced(axis: 3, side / 2..<side / 2 + 1).floats().map(Double.init)
            }
            return (try middle(simple), try middle(complex))
        }
        let byShift = try answers(shifts.map { GrayPicture.bar(side: side, shift: $0) })
        let byTurn = try answers(turns.map { GrayPicture.bar(side: side, shift: 0, orientation: $0) })
        func scaled(_ values: [Double]) -> [Double] {
            let top = values.max() ?? 0
            return top > 0 ? values.map { $0 / top } : values
        }
        (simpleByShift, complexByShift) = (scaled(byShift.simple), scaled(byShift.complex))
        (simpleByTurn, complexByTurn) = (scaled(byTurn.simple), scaled(byTurn.complex))
    }

    /// Over which distance an answer is at least half of the strongest.
    static func widthAtHalf(_ places: [Double], _ answers: [Double]) -> Double {
        let inside = zip(places, answers).filter { $0.1 >= 0.5 }.map(\.0)
        guard let first = inside.first, let last = inside.last, places.count > 1 else { return 0 }
        return last - first + (places[1] - places[0])
    }

    var simpleWidth: Double { Self.widthAtHalf(shifts, simpleByShift) }
    var complexWidth: Double { Self.widthAtHalf(shifts, complexByShift) }

    var figures: JSON {
        [
            "simpleWidth": .number(simpleWidth), "complexWidth": .number(complexWidth),
            "simpleTurnWidth": .number(Self.widthAtHalf(turns, simpleByTurn)),
            "complexTurnWidth": .number(Self.widthAtHalf(turns, complexByTurn)),
        ]
    }

    var shiftPlot: Plot {
        Plot(
            "A bar moved sideways", x: Axis("shift in pixels"), y: Axis("response", range: 0...1.08), size: (460, 330),
            [
                .rule(y: 0.5, "half"), .line("simple (S)", zip(shifts, simpleByShift).map { Point($0, $1) }),
                .line("complex (C)", zip(shifts, complexByShift).map { Point($0, $1) }),
            ])
    }

    var turnPlot: Plot {
        Plot(
            "A bar turned",
            x: Axis("degrees from upright", range: -90...90, ticks: [-90, -45, 0, 45, 90].map { Axis.Tick($0, tidy($0)) }),
            y: Axis("response", range: 0...1.08), size: (460, 330),
            [
                .rule(y: 0.5, "half"), .line("simple (S)", zip(turns, simpleByTurn).map { Point($0, $1) }),
                .line("complex (C)", zip(turns, complexByTurn).map { Point($0, $1) }),
            ])
    }
}

/// What both layers make of a picture.
struct CellMaps {
    let scene: GrayPicture
    let filters = Gabor.bank(4)
    private let simple: [Float]
    private let complex: [Float]
    /// How much each layer's answers change, as a share of their size, when the picture moves by some pixels.
    let changes: (simple: Double, complex: Double)
    static let shift = 3

    init(_ scene: GrayPicture) throws {
        self.scene = scene
        let bank = filters
        let maps = withoutGradients { CellStudy.simple([scene], bank) }
        let moved = withoutGradients { CellStudy.simple([scene.shifted(by: Self.shift)], bank) }
        func change(_ a: [Float], _ b: [Float]) -> Double {
            let difference = zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
            return (difference / max(a.reduce(0.0) { $0 + Double($1 * $1) }, 1e-12)).squareRoot()
        }
        simple = try maps.floats()
        complex = try CellStudy.complex(maps).floats()
        changes = (change(simple, try moved.floats()), change(complex, try CellStudy.complex(moved).floats()))
    }

    var grid: ImageGrid {
        let area = scene.width * scene.height
        func cells(_ maps: [Float], _ name: String) -> [ImageGrid.Cell] {
            let top = maps.max() ?? 1
            return filters.indices.map { index in
                let map = maps[index * area..<(index + 1) * area]
                return .init(
                    Raster(width: scene.width, height: scene.height, values: map, colors: .magma, range: 0...max(top, 1e-6)),
                    "\(name), \(Int(filters[index].orientation))°")
            }
        }
        return ImageGrid(
            "Simple cells, and complex cells above them", cells(simple, "S") + cells(complex, "C"), columns: filters.count,
            cellWidth: 180, isSmooth: true)
    }
}
