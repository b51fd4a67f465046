import CMartletImage

/// Telling image files apart by how they begin.
enum ImageFormat {
    typealias Opener = (
        UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<martlet_picture_info>?,
        UnsafeMutablePointer<CChar>?
    ) -> martlet_image_status

    private static let others: [(start: [UInt8], at: Int, name: String)] = [
        (Array("GIF8".utf8), 0, "a GIF file"), (Array("BM".utf8), 0, "a BMP file"), (Array("WEBP".utf8), 8, "a WebP file"),
        ([0x49, 0x49, 0x2A, 0], 0, "a TIFF file"), ([0x4D, 0x4D, 0, 0x2A], 0, "a TIFF file"),
        (Array("ftypavif".utf8), 4, "an AVIF file"), (Array("ftyp".utf8), 4, "a HEIF file or a film"),
        (Array("jP  ".utf8), 4, "a JPEG 2000 file"), ([0xFF, 0x0A], 0, "a JPEG XL file"),
        (Array("JXL ".utf8), 4, "a JPEG XL file"),
        (Array("%PDF".utf8), 0, "a PDF file"), (Array("PK".utf8), 0, "a zip archive"), (Array("<".utf8), 0, "HTML or SVG"),
    ]

    /// What opens content of its kind. Throws what it is where that is neither PNG nor JPEG.
    static func opener(for content: UnsafeMutableRawBufferPointer, file: String) throws(DataError) -> Opener {
        if content.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return martlet_png_open }
        if content.starts(with: [0xFF, 0xD8]) { return martlet_jpeg_open }
        guard !content.isEmpty else {
            throw DataError(.damaged, file: file, problem: "is empty", remedy: "replace it by a PNG or JPEG file")
        }
        let other = others.first { content.dropFirst($0.at).starts(with: $0.start) }?.name
        let kind = other ?? (isText(content.prefix(512)) ? "text" : "no image")
        throw DataError(
            .unsupported, file: file, problem: "is \(kind), neither PNG nor JPEG", remedy: "convert it to PNG or JPEG")
    }

    private static func isText(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
    }
}
