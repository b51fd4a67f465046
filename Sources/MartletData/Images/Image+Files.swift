import CMartletImage

extension Image {
    /// The largest image file read, 1 GiB.
    static let fileLimit = 1 << 30

    /// Reads a PNG or JPEG file, whichever its content says it is.
    /// - Parameter upright: Whether to turn the picture as its EXIF orientation asks.
    /// - Throws: One line that names the file, where it is missing, damaged, too large or of another format.
    public static func read(_ path: String, upright: Bool = true, pixelLimit: Int = defaultPixelLimit) throws(DataError) -> Image
    {
        try ImageReader(path, upright: upright, pixelLimit: pixelLimit).image()
    }

    /// Decodes a PNG or JPEG file in memory to 8-bit grey or RGB, as Pillow's `convert("RGB")` would: palettes looked up,
    /// transparency dropped, CMYK converted, 16-bit values cut to their high byte.
    /// - Parameter file: What messages call it.
    public static func decode(
        _ bytes: [UInt8], file: String, upright: Bool = true, pixelLimit: Int = defaultPixelLimit
    ) throws(DataError) -> Image {
        try ImageReader(bytes: bytes, file: file, upright: upright, pixelLimit: pixelLimit).image()
    }

    /// The image as a PNG file. Throws where memory is short.
    public func png() throws(DataError) -> [UInt8] {
        var data: UnsafeMutablePointer<UInt8>?
        var size = 0
        var message = [CChar](repeating: 0, count: Int(MARTLET_IMAGE_MESSAGE_SIZE))
        let status = martlet_png_encode(pixels, width, height, channels, &data, &size, &message)
        guard status == MARTLET_IMAGE_OK, let data else {
            let reason = message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            throw DataError(
                .tooLarge, problem: "a PNG file of \(width) x \(height) pixels cannot be made (\(reason))",
                remedy: "free some memory")
        }
        defer { martlet_bytes_free(data) }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }

    /// Writes the image as a PNG file, atomically.
    public func writePNG(to path: String) throws(DataError) {
        try AtomicFile.write(png(), to: path)
    }
}
