import Foundation
import MartletData
import Testing

/// Parts of images, and images at a part of their size, against Pillow and against the whole.
@Suite struct ImagePartTests {
    private let golden: AugmentationGolden

    init() throws { golden = try AugmentationGolden.all.get() }

    @Test func filtersAreThoseOfPillow() throws {
        let filters = golden.filters
        let color = Image(width: filters.width, height: filters.height, channels: 3, pixels: filters.pixels)
        let red = stride(from: 0, to: filters.pixels.count, by: 3).map { filters.pixels[$0] }
        let grey = Image(width: filters.width, height: filters.height, channels: 1, pixels: red)
        for entry in filters.cases {
            let filter = try #require(Interpolation(rawValue: entry.filter))
            let result = (entry.channels == 1 ? grey : color).resized(
                width: entry.width, height: entry.height, interpolation: filter)
            #expect(worst(result.pixels, entry.pixels) == 0, "\(entry.filter) \(entry.channels) \(entry.width)x\(entry.height)")
        }
    }

    @Test func regionsAreThoseOfTheWhole() throws {
        let files = [
            "rgb444.jpg", "rgb420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "rgb8.png", "rgba16-adam7.png", "grey1.png",
            "palette4.png",
        ]
        var random = SampleRandom(seed: 9)
        for file in files + (1...8).map({ "orientation\($0).jpg" }) {
            let whole = try Image.read(goldenImage(file))
            for _ in 0..<40 {
                let width = 1 + random.integer(below: whole.width), height = 1 + random.integer(below: whole.height)
                let region = ImageRegion(
                    left: random.integer(below: whole.width - width + 1), top: random.integer(below: whole.height - height + 1),
                    width: width, height: height)
                let part = try ImageReader(goldenImage(file)).part(region, reducedBy: 1)
                #expect(
                    part == whole.cropped(left: region.left, top: region.top, width: width, height: height), "\(file) \(region)")
            }
        }
    }

    /// A photo wide enough that columns beside the part are left out.
    @Test func regionsOfAWidePhoto() throws {
        guard let folder = real("hymenoptera") else { return }
        let data = try ImageFolder(folder + "/val", name: "val", preparation: ImagePreparation())
        var random = SampleRandom(seed: 10)
        for file in data.files.prefix(20) {
            for reduction in [1, 2, 4, 8] {
                let reader = try ImageReader(file), size = reader.size(reducedBy: reduction)
                let whole = try reader.part(
                    ImageRegion(left: 0, top: 0, width: size.width, height: size.height), reducedBy: reduction)
                let width = 1 + random.integer(below: size.width), height = 1 + random.integer(below: size.height)
                let region = ImageRegion(
                    left: random.integer(below: size.width - width + 1), top: random.integer(below: size.height - height + 1),
                    width: width, height: height)
                let part = try ImageReader(file).part(region, reducedBy: reduction)
                #expect(
                    part == whole.cropped(left: region.left, top: region.top, width: width, height: height), "\(file) \(region)")
            }
        }
    }

    @Test func reducedAsPillowDrafts() throws {
        for entry in golden.reduced {
            let reader = try ImageReader(goldenImage(entry.file))
            let size = reader.size(reducedBy: entry.reduction)
            #expect((size.width, size.height) == (entry.width, entry.height))
            let image = try reader.part(
                ImageRegion(left: 0, top: 0, width: size.width, height: size.height), reducedBy: entry.reduction)
            #expect(worst(image.pixels, entry.pixels) <= 2, "\(entry.file) / \(entry.reduction)")
        }
    }

    /// Half the size is enough, a quarter is not.
    @Test func fastDecodingKeepsWhatIsWanted() throws {
        let file = goldenImage("rgb444.jpg")  // 51 x 40
        let exact = try ImagePreparation(size: 14, shortSide: 16),
            fast = try ImagePreparation(size: 14, shortSide: 16, decodesFast: true)
        let half = try ImageReader(file).part(ImageRegion(left: 0, top: 0, width: 26, height: 20), reducedBy: 2)
        let expected = half.resized(width: 20, height: 16).centerCropped(width: 14, height: 14)
        let sample = try filled(fast.sampleSize) { try fast.prepareMiddle(of: ImageReader(file), file: file, into: $0) }
        #expect(levels(sample) == expected.pixels)
        let slow = try filled(exact.sampleSize) { try exact.prepareMiddle(of: ImageReader(file), file: file, into: $0) }
        #expect(levels(slow) != expected.pixels)
        // Of a part, too, what is wanted is kept: 40 x 30 for 14 leaves a half.
        let region = ImageRegion(left: 6, top: 4, width: 40, height: 30)
        let crop = try filled(fast.sampleSize) {
            try fast.prepare(region, of: ImageReader(file), interpolation: .bicubic, into: $0)
        }
        let part = half.cropped(left: 3, top: 2, width: 20, height: 15)
        #expect(levels(crop) == part.resized(width: 14, height: 14, interpolation: .bicubic).pixels)
    }

    @Test func cropsOfPhotosAreThoseOfTorchvision() throws {
        let preparation = try ImagePreparation(size: 16)
        for entry in golden.crops.photos {
            let filter = try #require(Interpolation(rawValue: entry.filter))
            let sample = try filled(preparation.sampleSize) {
                try preparation.prepare(
                    ImageRegion(entry.region), of: ImageReader(goldenImage(entry.file)), interpolation: filter,
                    into: $0)
            }
            #expect(worst(levels(sample), entry.pixels) <= (entry.file.hasSuffix(".png") ? 1 : 2), "\(entry.file) \(filter)")
        }
    }

    @Test func middlesAndTenCropsAreThoseOfTorchvision() throws {
        let preparation = try ImagePreparation(size: 12, shortSide: 15)
        for entry in golden.crops.middles {
            let path = goldenImage(entry.file)
            let tolerance = entry.file.hasSuffix(".png") ? 1 : 2
            let middle = try filled(preparation.sampleSize) {
                try preparation.prepareMiddle(of: ImageReader(path), file: path, into: $0)
            }
            #expect(worst(levels(middle), entry.middle) <= tolerance, "\(entry.file)")
            #expect(try preparation.sample(of: Image.read(path), file: path) == middle)
            #expect(try preparation.sample(file: path) == middle)
            let ten = try filled(10 * preparation.sampleSize) {
                try preparation.prepareTenCrops(of: ImageReader(path), file: path, into: $0)
            }
            for (number, expected) in entry.ten.enumerated() {
                let crop = Array(ten[number * preparation.sampleSize..<(number + 1) * preparation.sampleSize])
                #expect(worst(levels(crop), expected) <= tolerance, "\(entry.file) crop \(number)")
            }
        }
    }
}
