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
        ("BM....", "is a BMP file, neither PNG nor JPEG"), ("RIFF....WEBPVP8 ", "is a WebP file, neither PNG nor JPEG"),
        ("....ftypavif....", "is an AVIF file, neither PNG nor JPEG"),
        ("<html>", "is HTML or SVG, neither PNG nor JPEG"), ("hello", "is text, neither PNG nor JPEG"),
        ("\u{1}\u{2}", "is no image, neither PNG nor JPEG"),
    ])
    func otherFormatsAreNamed(content: String, expected: String) throws {
        #expect(try dataError { _ = try Image.decode(Array(content.utf8), file: "f") }?.problem == expected)
    }

    /// An animation is refused, a single frame in an animation's form is not.
    @Test func animations() throws {
        let png = try bytes("rgb8.png")
        func animated(_ frames: UInt8) -> [UInt8] {
            let body = Array("acTL".utf8) + [0, 0, 0, frames, 0, 0, 0, 0]
            return Array(png[..<33]) + [0, 0, 0, 8] + body + crc32(body[...]) + Array(png[33...])
        }
        let error = try dataError { _ = try Image.decode(animated(4), file: "a.png") }
        #expect(error?.description == "a.png: is an animation of 4 frames; give one picture as a PNG or JPEG file")
        #expect(try Image.decode(animated(1), file: "a.png") == Image.decode(png, file: "a.png"))
    }

    /// Where a byte of the coded picture is changed so that the code breaks, libjpeg goes on with a warning; we do not.
    @Test func corruptJPEGsAreRefused() throws {
        let whole = try bytes("rgb444.jpg")
        let scan = try #require(whole.indices.first { whole[$0] == 0xFF && whole[$0 + 1] == 0xDA }) + 14
        var broken = whole
        // Ones in a row are no code.
        for position in scan + 40..<scan + 120 { broken[position] = position % 2 == scan % 2 ? 0xFF : 0 }
        let error = try dataError { _ = try Image.decode(broken, file: "b.jpg") }
        #expect(error?.problem.contains("Corrupt JPEG data") == true, "\(String(describing: error))")
        // Bytes between its parts do no harm.
        let ended = Array(whole.dropLast(2)) + [0, 0, 0xFF, 0xD9]
        #expect(try Image.decode(ended, file: "e.jpg") == Image.decode(whole, file: "w.jpg"))
    }

    /// Hundreds of scans that say nothing are not decoded to their end.
    @Test func endlessScansAreRefused() throws {
        let whole = try bytes("progressive.jpg")
        let scans = whole.indices.dropLast().filter { whole[$0] == 0xFF && whole[$0 + 1] == 0xDA }
        let last = try #require(scans.last)
        let repeated = Array(whole[last..<whole.count - 2])
        let bomb = Array(whole.dropLast(2)) + (0..<300).flatMap { _ in repeated } + [0xFF, 0xD9]
        let error = try dataError { _ = try Image.decode(bomb, file: "bomb.jpg") }
        #expect(error?.kind == .damaged, "\(String(describing: error))")
    }

    /// Pictures of one pixel decode, and are no photos; nor are those 30,000 pixels long and a few wide.
    @Test func oddExtents() throws {
        let preparation = try ImagePreparation(size: 224)
        for (width, height, problem) in [
            (1, 1, "is an image of 1 x 1 pixels, too small to be brought to 256"),
            (1, 300, "is an image of 1 x 300 pixels, too small to be brought to 256"),
            (3, 3, "is an image of 3 x 3 pixels, too small to be brought to 256"),
            (30_000, 40, "is an image of 30000 x 40 pixels, too long for its width"),
        ] {
            let image = try Image.decode(Image(width: width, height: height, channels: 1).png(), file: "odd.png")
            #expect((image.width, image.height) == (width, height))
            #expect(try dataError { _ = try preparation.sample(of: image, file: "odd.png") }?.problem == problem)
        }
        #expect(try preparation.sample(of: Image(width: 4, height: 5, channels: 1), file: "small.png").count == 3 * 224 * 224)
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
