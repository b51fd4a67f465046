import Foundation
import MartletData
import Testing

@Suite struct DamagedImageTests {
    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden("images/" + name))))
    }

    /// A cut file is refused or, where only what follows the picture is missing, read; changed bytes give an error or some
    /// picture.
    @Test(arguments: [
        "rgb8.png", "rgba16-adam7.png", "palette4.png", "grey1.png", "rgb420.jpg", "progressive.jpg", "cmyk.jpg",
        "orientation6.jpg",
    ])
    func damageNeverTraps(name: String) throws {
        let whole = try bytes(name)
        for damaged in damaged(whole, cuts: 150, flips: 600) {
            let image = try? Image.decode(damaged, file: name, pixelLimit: 1 << 22)
            if damaged.count < whole.count * 9 / 10 {
                #expect(image == nil, "\(damaged.count) of \(whole.count) bytes were read")
            }
        }
    }

    @Test func hugePicturesAreRefused() throws {
        // 50,000 x 50,000 in the header of a PNG (with its checksum) and of a JPEG.
        var png = try bytes("rgb8.png")
        png.replaceSubrange(16..<24, with: [0, 0, 0xC3, 0x50, 0, 0, 0xC3, 0x50])
        png.replaceSubrange(29..<33, with: crc32(png[12..<29]))
        var error = try dataError { _ = try Image.decode(png, file: "huge.png") }
        #expect(error?.kind == .tooLarge)
        #expect(error?.problem == "is an image of 50000 x 50000 pixels")
        error = try dataError { _ = try Image.decode(png, file: "huge.png", pixelLimit: .max) }
        #expect(error?.problem.contains("too short for its picture") == true)

        var jpeg = try bytes("rgb420.jpg")
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xC3, 0x50, 0xC3, 0x50])
        error = try dataError { _ = try Image.decode(jpeg, file: "huge.jpg") }
        #expect(error?.kind == .tooLarge)
        error = try dataError { _ = try Image.decode(jpeg, file: "huge.jpg", pixelLimit: .max) }
        #expect(error?.problem.contains("too short for its picture") == true)
    }

    @Test(arguments: [
        ("", "is empty"), ("GIF89a......", "is a GIF file, neither PNG nor JPEG"),
        ("BM....", "is a BMP file, neither PNG nor JPEG"),
        ("<html>", "is a HTML or SVG file, neither PNG nor JPEG"), ("hello", "is no image, neither PNG nor JPEG"),
    ])
    func otherFormatsAreNamed(content: String, expected: String) throws {
        #expect(try dataError { _ = try Image.decode(Array(content.utf8), file: "f") }?.problem == expected)
    }

    /// The checksum of PNG's chunks (CRC-32), big-endian.
    private func crc32(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var value: UInt32 = .max
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: ~value >> (24 - 8 * $0)) }
    }
}
