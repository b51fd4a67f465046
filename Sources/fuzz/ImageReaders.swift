import MartletData

/// An image does not come back from the file that was written of it.
private struct Changed: Error {}

extension FuzzReader {
    static var imageReaders: [FuzzReader] {
        [
            FuzzReader(name: "jpeg", seeds: { try golden("data/images", [".jpg"]) }, read: readImage),
            FuzzReader(name: "png", seeds: { try golden("data/images", [".png"]) }, read: readImage),
        ]
    }

    /// Reads an image whole, in parts and at parts of its size, makes samples of it, and writes it again.
    private static func readImage(_ path: String) throws {
        let limit = 1 << 22
        let reader = try ImageReader(path, pixelLimit: limit), reduction = reader.canReduce ? 2 : 1
        let size = reader.size(reducedBy: reduction)
        let region = ImageRegion(
            left: size.width / 3, top: size.height / 4, width: (size.width + 1) / 2, height: (size.height + 1) / 2)
        let part = try reader.part(region, reducedBy: reduction)
        _ = part.resized(width: 9, height: 7, interpolation: .lanczos)
        let image = try Image.read(path, pixelLimit: limit)
        guard try Image.decode(image.png(), file: path) == image else { throw Changed() }
        let preparation = try ImagePreparation(size: 16, channels: 1, decodesFast: true)
        _ = try preparation.sample(of: image, file: path)
        let folder = ImageFolder(name: "fuzz", classNames: ["a"], files: [path], labels: [0], preparation: preparation)
        _ = try folder.sample(at: 0)
        _ = try folder.tenCrops?.sample(at: 0)
    }
}
