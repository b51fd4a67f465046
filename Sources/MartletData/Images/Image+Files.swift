import CMartletImage

extension Image {
    /// The largest image file read, 1 GiB.
    static let fileLimit = 1 << 30

    /// Reads a PNG or JPEG file, whichever its content says it is.
    /// - Parameter upright: Whether to turn the picture as its EXIF orientation asks.
    /// - Throws: One line that names the file, where it is missing, damaged, too large or of another format.
    public static func read(_ path: String, upright: Bool = true, pixelLimit: Int = defaultPixelLimit) throws(DataError) -> Image
    {
        try decode(InputFile.contents(path, limit: fileLimit), file: path, upright: upright, pixelLimit: pixelLimit)
    }

    /// Decodes a PNG or JPEG file in memory to 8-bit grey or RGB, as Pillow's `convert("RGB")` would: palettes looked up,
    /// transparency dropped, CMYK converted, 16-bit values cut to their high byte.
    /// - Parameter file: What messages call it.
    public static func decode(
        _ bytes: [UInt8], file: String, upright: Bool = true, pixelLimit: Int = defaultPixelLimit
    ) throws(DataError) -> Image {
        let decoder = try decoder(for: bytes, file: file)
        var decoded = martlet_image()
        var message = [CChar](repeating: 0, count: Int(MARTLET_IMAGE_MESSAGE_SIZE))
        let status = decoder(bytes, bytes.count, max(pixelLimit, 0), &decoded, &message)
        let reason = message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        switch status {
        case MARTLET_IMAGE_OK: break
        case MARTLET_IMAGE_TOO_LARGE:
            throw DataError(
                .tooLarge, file: file, problem: "is an image of \(reason)", remedy: "give one of at most \(pixelLimit) pixels")
        case MARTLET_IMAGE_OUT_OF_MEMORY:
            throw DataError(
                .tooLarge, file: file, problem: "is an image that memory does not suffice for", remedy: "give a smaller one")
        default:
            throw DataError(
                .damaged, file: file, problem: "does not decode (\(reason))", remedy: "replace it by a whole PNG or JPEG file")
        }
        defer { martlet_image_free(&decoded) }
        let (width, height, channels) = (Int(decoded.width), Int(decoded.height), Int(decoded.channels))
        let turns = upright && decoded.orientation != 1
        let isSwapped = turns && decoded.orientation >= 5
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { target, initialized in
            if turns {
                martlet_image_orient(
                    decoded.pixels, decoded.width, decoded.height, decoded.channels, decoded.orientation,
                    target.baseAddress)
            } else {
                target.baseAddress!.update(from: decoded.pixels, count: width * height * channels)
            }
            initialized = width * height * channels
        }
        return Image(width: isSwapped ? height : width, height: isSwapped ? width : height, channels: channels, pixels: pixels)
    }

    private typealias Decoder = (
        UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<martlet_image>?, UnsafeMutablePointer<CChar>?
    ) -> martlet_image_status

    private static func decoder(for bytes: [UInt8], file: String) throws(DataError) -> Decoder {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return martlet_png_decode }
        if bytes.starts(with: [0xFF, 0xD8]) { return martlet_jpeg_decode }
        guard !bytes.isEmpty else {
            throw DataError(.damaged, file: file, problem: "is empty", remedy: "replace it by a PNG or JPEG file")
        }
        let others: [(start: [UInt8], name: String)] = [
            (Array("GIF8".utf8), "GIF"), (Array("BM".utf8), "BMP"), (Array("RIFF".utf8), "WebP"),
            ([0x49, 0x49, 0x2A, 0], "TIFF"),
            ([0x4D, 0x4D, 0, 0x2A], "TIFF"), (Array("<".utf8), "HTML or SVG"),
        ]
        let other = others.first { bytes.starts(with: $0.start) }
        throw DataError(
            .unsupported, file: file, problem: "is \(other.map { "a \($0.name) file" } ?? "no image"), neither PNG nor JPEG",
            remedy: "convert it to PNG or JPEG")
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
