import MartletData

/// Draws what was found on an image: a frame in the class's colour, with the class's name and the score above it.
public enum DetectionPicture {
    private static let colors: [[UInt8]] = [
        [230, 57, 70], [29, 120, 210], [42, 157, 80], [244, 162, 20], [142, 68, 173], [0, 150, 160], [214, 51, 132],
        [120, 94, 60],
    ]

    public static func draw(_ found: [DetectedObject], on image: Image, classes: [String]) -> Image {
        var canvas = Canvas(image.rgb())
        // The surest come last, on top.
        for object in found.reversed() {
            let color = colors[object.label % colors.count]
            canvas.frame(object.box, color)
            let percent = Int((object.score * 100).rounded())
            canvas.label("\(classes[object.label]) \(percent)", left: Int(object.box.x1), above: Int(object.box.y1), color)
        }
        return Image(width: canvas.width, height: canvas.height, channels: 3, pixels: canvas.pixels)
    }
}

private struct Canvas {
    let width: Int
    let height: Int
    var pixels: [UInt8]
    /// Pixels of the picture for one of a letter or a line.
    private let scale: Int

    init(_ image: Image) {
        (width, height, pixels) = (image.width, image.height, image.pixels)
        scale = max(1, min(image.width, image.height) / 300)
    }

    mutating func fill(_ x: Range<Int>, _ y: Range<Int>, _ color: [UInt8]) {
        let columns = x.clamped(to: 0..<width)
        for row in y.clamped(to: 0..<height) {
            for column in columns {
                for channel in 0..<3 { pixels[(row * width + column) * 3 + channel] = color[channel] }
            }
        }
    }

    mutating func frame(_ box: BoundingBox, _ color: [UInt8]) {
        let inside = box.clipped(width: width, height: height), line = scale + 1
        let (x1, y1, x2, y2) = (
            Int(inside.x1), Int(inside.y1), max(Int(inside.x2), Int(inside.x1)), max(Int(inside.y2), Int(inside.y1))
        )
        fill(x1..<x2, y1..<min(y1 + line, y2), color)
        fill(x1..<x2, max(y2 - line, y1)..<y2, color)
        fill(x1..<min(x1 + line, x2), y1..<y2, color)
        fill(max(x2 - line, x1)..<x2, y1..<y2, color)
    }

    /// White letters of 5 x 7 on a coloured ground, inside the picture.
    mutating func label(_ text: String, left: Int, above: Int, _ color: [UInt8]) {
        let letters = Array(text.uppercased().prefix(24)), tall = 9 * scale, wide = (letters.count * 6 + 1) * scale
        let x = max(min(left, width - wide), 0), y = above >= tall ? above - tall : max(min(above, height - tall), 0)
        fill(x..<x + wide, y..<y + tall, color)
        for (place, letter) in letters.enumerated() {
            for (row, bits) in (PixelLetters.rows[letter] ?? PixelLetters.unknown).enumerated() {
                for column in 0..<5 where bits >> (4 - column) & 1 == 1 {
                    let left = x + (place * 6 + 1 + column) * scale, top = y + (row + 1) * scale
                    fill(left..<left + scale, top..<top + scale, [255, 255, 255])
                }
            }
        }
    }
}

/// Letters of five columns in seven rows, a number a row.
private enum PixelLetters {
    static let unknown: [UInt8] = [31, 17, 17, 17, 17, 17, 31]

    static let rows: [Character: [UInt8]] = [
        "A": [14, 17, 17, 31, 17, 17, 17], "B": [30, 17, 17, 30, 17, 17, 30], "C": [14, 17, 16, 16, 16, 17, 14],
        "D": [30, 17, 17, 17, 17, 17, 30], "E": [31, 16, 16, 30, 16, 16, 31], "F": [31, 16, 16, 30, 16, 16, 16],
        "G": [14, 17, 16, 23, 17, 17, 15], "H": [17, 17, 17, 31, 17, 17, 17], "I": [14, 4, 4, 4, 4, 4, 14],
        "J": [7, 2, 2, 2, 2, 18, 12], "K": [17, 18, 20, 24, 20, 18, 17], "L": [16, 16, 16, 16, 16, 16, 31],
        "M": [17, 27, 21, 21, 17, 17, 17], "N": [17, 17, 25, 21, 19, 17, 17], "O": [14, 17, 17, 17, 17, 17, 14],
        "P": [30, 17, 17, 30, 16, 16, 16], "Q": [14, 17, 17, 17, 21, 18, 13], "R": [30, 17, 17, 30, 20, 18, 17],
        "S": [15, 16, 16, 14, 1, 1, 30], "T": [31, 4, 4, 4, 4, 4, 4], "U": [17, 17, 17, 17, 17, 17, 14],
        "V": [17, 17, 17, 17, 17, 10, 4], "W": [17, 17, 17, 21, 21, 21, 10], "X": [17, 17, 10, 4, 10, 17, 17],
        "Y": [17, 17, 17, 10, 4, 4, 4], "Z": [31, 1, 2, 4, 8, 16, 31], "0": [14, 17, 19, 21, 25, 17, 14],
        "1": [4, 12, 4, 4, 4, 4, 14], "2": [14, 17, 1, 2, 4, 8, 31], "3": [31, 2, 4, 2, 1, 17, 14],
        "4": [2, 6, 10, 18, 31, 2, 2], "5": [31, 16, 30, 1, 1, 17, 14], "6": [6, 8, 16, 30, 17, 17, 14],
        "7": [31, 1, 2, 4, 8, 8, 8], "8": [14, 17, 17, 14, 17, 17, 14], "9": [14, 17, 17, 15, 1, 2, 12],
        " ": [0, 0, 0, 0, 0, 0, 0], "-": [0, 0, 0, 31, 0, 0, 0], "_": [0, 0, 0, 0, 0, 0, 31], ".": [0, 0, 0, 0, 0, 12, 12],
    ]
}
