import CMartletImage

/// An 8-bit image, row-major from the top left, its channels interleaved: grey (1) or red, green, blue (3).
public struct Image: Sendable, Equatable {
    public let width: Int
    public let height: Int
    /// 1 or 3.
    public let channels: Int
    /// height x width x channels values.
    public internal(set) var pixels: [UInt8]

    /// The most pixels that `decode` accepts by default, 134 million.
    public static let defaultPixelLimit = 1 << 27

    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        precondition(
            width > 0 && height > 0 && (channels == 1 || channels == 3),
            "Image: \(width) x \(height) pixels of \(channels) channels")
        precondition(
            pixels.count == width * height * channels,
            "Image: \(pixels.count) values do not fill \(width) x \(height) x \(channels)")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// An image of one level.
    public init(width: Int, height: Int, channels: Int = 3, filledWith level: UInt8 = 0) {
        self.init(
            width: width, height: height, channels: channels,
            pixels: Array(repeating: level, count: width * height * channels))
    }

    /// In grey: 0.299 R + 0.587 G + 0.114 B (ITU-R 601-2), rounded as Pillow rounds it.
    public func grayscale() -> Image {
        guard channels == 3 else { return self }
        let grey = [UInt8](unsafeUninitializedCapacity: width * height) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for position in 0..<width * height {
                    let (red, green, blue) = (source[3 * position], source[3 * position + 1], source[3 * position + 2])
                    let sum = UInt32(red) * 19595 + UInt32(green) * 38470 + UInt32(blue) * 7471 + 0x8000
                    target[position] = UInt8(truncatingIfNeeded: sum >> 16)
                }
            }
            initialized = width * height
        }
        return Image(width: width, height: height, channels: 1, pixels: grey)
    }

    /// In colour: a grey image with its level in all three channels.
    public func rgb() -> Image {
        guard channels == 1 else { return self }
        let color = [UInt8](unsafeUninitializedCapacity: pixels.count * 3) { target, initialized in
            for (position, level) in pixels.enumerated() {
                target[3 * position] = level
                target[3 * position + 1] = level
                target[3 * position + 2] = level
            }
            initialized = pixels.count * 3
        }
        return Image(width: width, height: height, channels: 3, pixels: color)
    }

    /// With this many channels, 1 or 3.
    public func converted(toChannels count: Int) -> Image {
        precondition(count == 1 || count == 3, "converted(toChannels:): \(count) channels")
        return count == 1 ? grayscale() : rgb()
    }

    /// Writes the image to `buffer` as [c, h, w] values in 0...1, normalised where asked.
    public func write(to buffer: UnsafeMutableBufferPointer<Float>, normalization: ChannelNormalization? = nil) {
        write(to: buffer, planes: channels, levels: Image.levels(planes: channels, normalization))
    }

    /// Writes the image as planes of values, looked up in `levels` (256 a plane). A grey image may fill three planes.
    func write(to buffer: UnsafeMutableBufferPointer<Float>, planes: Int, levels: [Float]) {
        let area = width * height
        precondition(buffer.count == planes * area, "write(to:): \(buffer.count) places for \(planes * area) values")
        precondition((planes == channels || channels == 1) && levels.count == planes * 256)
        martlet_planes_fill(pixels, area, channels, planes, levels, buffer.baseAddress)
    }

    /// The value of each of the 256 levels in each plane.
    static func levels(planes: Int, _ normalization: ChannelNormalization?) -> [Float] {
        (0..<planes).flatMap { plane in
            (0..<256).map { level in
                let value = Float(level) / 255
                return normalization?.apply(value, channel: plane) ?? value
            }
        }
    }

    /// The values of `write(to:normalization:)` as an array.
    public func floats(normalization: ChannelNormalization? = nil) -> [Float] {
        [Float](unsafeUninitializedCapacity: pixels.count) { buffer, initialized in
            write(to: UnsafeMutableBufferPointer(rebasing: buffer[..<pixels.count]), normalization: normalization)
            initialized = pixels.count
        }
    }
}
