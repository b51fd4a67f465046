import CMartletImage
import Foundation

/// Pixels to be shown in a figure, row by row from the top left.
public struct Raster: Sendable, Hashable {
    public let width: Int
    public let height: Int
    /// 1 (grey), 3 (red, green, blue) or 4 (with opacity).
    public let channels: Int
    public let pixels: [UInt8]

    /// - Parameter pixels: height x width x channels values; what is missing is black, what is too much is left out.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        self.width = max(width, 1)
        self.height = max(height, 1)
        self.channels = [1, 3, 4].contains(channels) ? channels : 1
        let count = self.width * self.height * self.channels
        self.pixels = Array((pixels + [UInt8](repeating: 0, count: max(count - pixels.count, 0))).prefix(count))
    }

    /// Values through a colour map.
    ///
    /// - Parameter range: what the ends of the colours stand for; the least and the greatest value where nil.
    public init(
        width: Int, height: Int, values: some Sequence<Float>, colors: ColorMap = .gray, range: ClosedRange<Float>? = nil
    ) {
        let values = values.map(Double.init)
        let range = range.map { Double($0.lowerBound)...Double($0.upperBound) } ?? Scale.extent(values) ?? 0...1
        let color = Raster.coloring(colors, range)
        self.init(
            width: width, height: height, channels: 3,
            pixels: values.flatMap { value in
                let color = color(value)
                return [color.red, color.green, color.blue]
            })
    }

    /// Planes [3, height, width] of red, green and blue as values in a range.
    public init(width: Int, height: Int, planes: [Float], range: ClosedRange<Float> = 0...1) {
        let area = max(width, 1) * max(height, 1), span = range.upperBound - range.lowerBound
        func level(_ value: Float) -> UInt8 {
            let share = span > 0 ? (value - range.lowerBound) / span : 0.5
            return share.isFinite ? UInt8((min(max(share, 0), 1) * 255).rounded()) : 0
        }
        self.init(
            width: width, height: height, channels: 3,
            pixels: (0..<area).flatMap { place in
                (0..<3).map { channel in
                    channel * area + place < planes.count ? level(planes[channel * area + place]) : 0
                }
            })
    }

    init(field: Field, colors: ColorMap, range: ClosedRange<Double>) {
        let color = Raster.coloring(colors, range)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(field.values.count * 3)
        for row in (0..<field.rows).reversed() {
            for column in 0..<field.columns {
                let color = color(field[column, row])
                pixels += [color.red, color.green, color.blue]
            }
        }
        self.init(width: field.columns, height: field.rows, channels: 3, pixels: pixels)
    }

    static func coloring(_ colors: ColorMap, _ range: ClosedRange<Double>) -> (Double) -> Color {
        let span = range.upperBound - range.lowerBound
        return { value in
            guard !value.isNaN else { return colors.missing }
            return colors(span > 0 ? min(max((value - range.lowerBound) / span, 0), 1) : 0.5)
        }
    }

    /// Each pixel's square `factor` times as wide and high.
    public func enlarged(_ factor: Int) -> Raster {
        guard factor > 1 else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(pixels.count * factor * factor)
        for row in 0..<height {
            var line: [UInt8] = []
            for column in 0..<width {
                let start = (row * width + column) * channels
                for _ in 0..<factor { line += pixels[start..<start + channels] }
            }
            for _ in 0..<factor { result += line }
        }
        return Raster(width: width * factor, height: height * factor, channels: channels, pixels: result)
    }

    // MARK: PNG

    /// The picture as a PNG file.
    public var png: [UInt8] {
        var data: UnsafeMutablePointer<UInt8>?, size = 0
        var message = [CChar](repeating: 0, count: Int(MARTLET_IMAGE_MESSAGE_SIZE))
        let status = martlet_png_encode(pixels, width, height, channels, &data, &size, &message)
        guard status == MARTLET_IMAGE_OK, let data else {
            let reason = message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            preconditionFailure("a PNG file of \(width) x \(height) pixels: \(reason)")
        }
        defer { martlet_bytes_free(data) }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }

    /// An `image` element that holds the picture itself.
    func element(x: Double, y: Double, width: Double, height: Double, isSmooth: Bool) -> String {
        Raster.element(png: png, x: x, y: y, width: width, height: height, isSmooth: isSmooth)
    }

    static func element(png: [UInt8], x: Double, y: Double, width: Double, height: Double, isSmooth: Bool) -> String {
        "<image x=\"\(SVG.text(x))\" y=\"\(SVG.text(y))\" width=\"\(SVG.text(width))\" height=\"\(SVG.text(height))\""
            + " preserveAspectRatio=\"none\"\(isSmooth ? "" : " style=\"image-rendering:pixelated\"")"
            + " href=\"\(dataURI(png))\"/>"
    }
}

/// A PNG file's bytes as an address that holds them itself, for pages.
public func dataURI(_ png: [UInt8]) -> String { "data:image/png;base64,\(Data(png).base64EncodedString())" }
