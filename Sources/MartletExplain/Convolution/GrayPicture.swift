import Foundation
import MartletCore
import MartletData
import MartletFigures

/// A grey picture to look at.
struct GrayPicture {
    let width: Int
    let height: Int
    /// 0...1, row by row from the top.
    let values: [Float]

    /// [1, 1, h, w].
    var tensor: Tensor { Tensor(values, shape: [1, 1, height, width]) }
    var raster: Raster { Raster(width: width, height: height, values: values, range: 0...1) }

    init(width: Int, height: Int, values: [Float]) {
        self.width = width
        self.height = height
        self.values = values
    }

    /// A photo, in grey and brought to a size that shows its edges.
    init(photo path: String, side: Int = 160) throws {
        var image = try Image.read(path).grayscale()
        guard min(image.width, image.height) >= 16 else {
            throw DataError(
                .mismatch, file: path, problem: "is \(image.width) x \(image.height) pixels",
                remedy: "give a picture of at least 16 x 16")
        }
        if max(image.width, image.height) > 4 * min(image.width, image.height) {
            let side = min(image.width, image.height)
            image = image.centerCropped(width: min(image.width, 4 * side), height: min(image.height, 4 * side))
        }
        image = image.resized(shortSide: side)
        self.init(width: image.width, height: image.height, values: image.floats())
    }

    /// A house under the sun before hills: lines of every orientation.
    static let drawn: GrayPicture = {
        let side = 160
        var values: [Float] = []
        for row in 0..<side {
            for column in 0..<side {
                // Four samples a pixel soften the edges.
                var sum = 0.0
                for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                    sum += shade(Double(column) + dx, Double(row) + dy)
                }
                values.append(Float(sum / 4))
            }
        }
        return GrayPicture(width: side, height: side, values: values)
    }()

    private static func shade(_ x: Double, _ y: Double) -> Double {
        let fence = y > 132 && y < 152 && Int(x / 5) % 2 == 0
        if fence { return 0.9 }
        let door = x > 62 && x < 76 && y > 98 && y < 130, window = x > 86 && x < 104 && y > 88 && y < 104
        if door { return 0.18 }
        if window { return abs(x - 95) < 1.5 || abs(y - 96) < 1.5 ? 0.2 : 0.95 }
        if x > 50 && x < 112 && y > 76 && y < 130 { return 0.62 }
        if y > 44 && y <= 76 && abs(x - 81) < (y - 44) * 1.25 { return Int(y / 4) % 2 == 0 ? 0.3 : 0.38 }
        let sun = ((x - 132) * (x - 132) + (y - 30) * (y - 30)).squareRoot()
        if sun < 15 { return 1 }
        if y > 118 + 4 * sin(x / 18) { return 0.35 }
        if y > 92 - 22 * sin((x - 10) / 34) { return 0.46 }
        return 0.82 - 0.12 * y / 160
    }

    /// A light bar with soft edges on black: its line passes the middle at a distance, turned against the clock from upright.
    ///
    /// - Parameter width: the deviation of its profile.
    static func bar(side: Int, shift: Double, orientation: Double = 0, width: Double = 2) -> GrayPicture {
        let middle = Double(side) / 2 - 0.5, turn = orientation * .pi / 180
        let values = (0..<side * side).map { index -> Float in
            let x = Double(index % side) - middle, y = middle - Double(index / side)
            let distance = x * cos(turn) + y * sin(turn) - shift
            return Float(exp(-distance * distance / (2 * width * width)))
        }
        return GrayPicture(width: side, height: side, values: values)
    }

    /// The picture with its outermost pixels repeated around it, so that its frame is no edge.
    func extended(by pixels: Int) -> GrayPicture {
        let (newWidth, newHeight) = (width + 2 * pixels, height + 2 * pixels)
        let spread = (0..<newWidth * newHeight).map { index -> Float in
            let row = min(max(index / newWidth - pixels, 0), height - 1),
                column = min(max(index % newWidth - pixels, 0), width - 1)
            return values[row * width + column]
        }
        return GrayPicture(width: newWidth, height: newHeight, values: spread)
    }

    /// The picture moved to the right; what comes in at the left is its first column.
    func shifted(by pixels: Int) -> GrayPicture {
        let moved = values.indices.map { index -> Float in
            let row = index / width, column = min(max(index % width - pixels, 0), width - 1)
            return values[row * width + column]
        }
        return GrayPicture(width: width, height: height, values: moved)
    }
}
