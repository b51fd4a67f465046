/// Generated images for detection: some of the embedded digits, each at a random place, size and colour on a textured
/// background, with the boxes of what is drawn. The same seed gives the same scenes everywhere; no digit of the training part
/// appears in another.
public struct Scenes: DetectionDataset {
    /// The width and height of a scene.
    public static let size = 128
    /// Digits in a scene.
    public static let objects = 1...4
    /// The height and width that a digit's 8 x 8 pixels are brought to.
    public static let scales = 24...72

    public let name: String
    public let count: Int
    public let classNames = (0..<10).map(String.init)
    private let digits: [(pixels: [Float], label: Int)]
    private let seed: UInt64
    private let stream: UInt64

    /// The customary parts: 800 scenes for training, 100 for validation and 100 for the final figure.
    public static func load(seed: Int = 0) throws(DataError) -> DetectionSplits {
        let parts = try Digits().split()
        func part(_ name: String, _ count: Int, _ rows: [Int], of digits: some ResidentDataset, _ stream: UInt64) -> Scenes {
            var pixels = [Float](repeating: 0, count: 64)
            let drawn = rows.map { row in
                pixels.withUnsafeMutableBufferPointer { digits.copy(row, into: $0) }
                return (pixels, Int(digits.label(at: row)))
            }
            return Scenes(
                name: "scenes/" + name, count: count, digits: drawn, seed: UInt64(bitPattern: Int64(seed)), stream: stream)
        }
        let held = parts.validation.count
        return DetectionSplits(
            training: part("train", 800, Array(0..<parts.training.count), of: parts.training, 1),
            validation: part("val", 100, Array(stride(from: 0, to: held, by: 2)), of: parts.validation, 2),
            test: part("test", 100, Array(stride(from: 1, to: held, by: 2)), of: parts.validation, 3))
    }

    private init(name: String, count: Int, digits: [(pixels: [Float], label: Int)], seed: UInt64, stream: UInt64) {
        (self.name, self.count, self.digits, self.seed, self.stream) = (name, count, digits, seed, stream)
    }

    public func annotation(at index: Int) -> ImageAnnotation {
        var random = SampleRandom(seed: seed, stream, UInt64(index), 1)
        return ImageAnnotation(
            name: "\(name)/\(index)", width: Self.size, height: Self.size,
            objects: placements(&random).map { ObjectAnnotation(box: $0.box, label: $0.label) })
    }

    public func image(at index: Int) throws(DataError) -> Image {
        var random = SampleRandom(seed: seed, stream, UInt64(index), 1)
        let placed = placements(&random)
        var canvas = Self.background(&random)
        for placement in placed { draw(placement, on: &canvas, &random) }
        return Image(
            width: Self.size, height: Self.size, channels: 3, pixels: canvas.map { UInt8(min(max($0, 0), 1) * 255 + 0.5) })
    }

    private struct Placement {
        var digit: Int
        var label: Int
        var left: Int
        var top: Int
        var scale: Int
        var box: BoundingBox
    }

    /// Where digits lie; hardly any two overlap.
    private func placements(_ random: inout SampleRandom) -> [Placement] {
        let wanted = Self.objects.lowerBound + random.integer(below: Self.objects.count)
        var placed: [Placement] = []
        for _ in 0..<wanted * 8 where placed.count < wanted {
            let scale = Self.scales.lowerBound + random.integer(below: Self.scales.count)
            let digit = random.integer(below: digits.count)
            let left = random.integer(below: Self.size - scale + 1), top = random.integer(below: Self.size - scale + 1)
            let box = ink(of: digit, scale: scale, left: left, top: top)
            guard placed.allSatisfy({ $0.box.overlap(with: box) < 0.05 }) else { continue }
            placed.append(
                Placement(digit: digit, label: digits[digit].label, left: left, top: top, scale: scale, box: box))
        }
        return placed
    }

    /// How much of a pixel a digit covers: its 8 x 8 pixels with half-pixel centres between, made steeper.
    private func cover(_ digit: Int, _ x: Int, _ y: Int, _ scale: Int) -> Float {
        let step = 8 / Float(scale)
        func place(_ position: Int) -> (Int, Int, Float) {
            let at = min(max((Float(position) + 0.5) * step - 0.5, 0), 7)
            return (Int(at), min(Int(at) + 1, 7), at - Float(Int(at)))
        }
        let (x0, x1, dx) = place(x), (y0, y1, dy) = place(y), pixels = digits[digit].pixels
        let upper = pixels[y0 * 8 + x0] * (1 - dx) + pixels[y0 * 8 + x1] * dx
        let lower = pixels[y1 * 8 + x0] * (1 - dx) + pixels[y1 * 8 + x1] * dx
        return min(max((upper * (1 - dy) + lower * dy) * 1.6 - 0.3, 0), 1)
    }

    /// The box of the pixels that a digit covers by half.
    private func ink(of digit: Int, scale: Int, left: Int, top: Int) -> BoundingBox {
        var (x1, y1, x2, y2) = (scale, scale, 0, 0)
        for y in 0..<scale {
            for x in 0..<scale where cover(digit, x, y, scale) >= 0.5 {
                (x1, x2, y1, y2) = (min(x1, x), max(x2, x + 1), min(y1, y), max(y2, y + 1))
            }
        }
        return BoundingBox(Float(left + x1), Float(top + y1), Float(left + x2), Float(top + y2))
    }

    /// Two colours, mixed by coarse noise, with fine noise over them.
    private static func background(_ random: inout SampleRandom) -> [Float] {
        let colors = (0..<6).map { _ in random.uniform() * 0.5 }
        let cells = 3 + random.integer(below: 10)
        let coarse = (0..<(cells + 1) * (cells + 1)).map { _ in random.uniform() }
        var canvas = [Float](repeating: 0, count: size * size * 3)
        for y in 0..<size {
            for x in 0..<size {
                let u = Float(x * cells) / Float(size), v = Float(y * cells) / Float(size)
                let (i, j) = (Int(u), Int(v)), (du, dv) = (u - Float(Int(u)), v - Float(Int(v)))
                func value(_ a: Int, _ b: Int) -> Float { coarse[(j + b) * (cells + 1) + i + a] }
                let mix =
                    (value(0, 0) * (1 - du) + value(1, 0) * du) * (1 - dv) + (value(0, 1) * (1 - du) + value(1, 1) * du) * dv
                let fine = (random.uniform() - 0.5) * 0.12
                for channel in 0..<3 {
                    canvas[(y * size + x) * 3 + channel] = colors[channel] * (1 - mix) + colors[3 + channel] * mix + fine
                }
            }
        }
        return canvas
    }

    private func draw(_ placement: Placement, on canvas: inout [Float], _ random: inout SampleRandom) {
        let color = (0..<3).map { _ in 0.65 + random.uniform() * 0.35 }
        for y in 0..<placement.scale {
            for x in 0..<placement.scale {
                let cover = cover(placement.digit, x, y, placement.scale)
                guard cover > 0 else { continue }
                let at = ((placement.top + y) * Self.size + placement.left + x) * 3
                for channel in 0..<3 { canvas[at + channel] += (color[channel] - canvas[at + channel]) * cover }
            }
        }
    }
}
