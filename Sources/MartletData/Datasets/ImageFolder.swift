import Foundation

/// How photos of all sizes become samples of one.
public struct ImagePreparation: Sendable, Hashable {
    /// The width and height of a sample.
    public var size: Int
    /// What the shorter side is resized to before the middle is cut out; by default 8/7 of `size`, as 256 is to 224.
    public var shortSide: Int
    /// 3 for RGB, 1 for grey.
    public var channels: Int
    /// Applied to the values in 0...1; nil for none.
    public var normalization: ChannelNormalization?

    /// Throws where a size is out of bounds, or the normalisation does not fit the channels.
    public init(size: Int = 224, shortSide: Int? = nil, channels: Int = 3, normalization: ChannelNormalization? = nil)
        throws(DataError)
    {
        try PixelPlanes.check(size: size)
        let side = shortSide ?? Int((Double(size) * 8 / 7).rounded())
        guard side >= size, side <= 2 * PixelPlanes.sizeLimit else {
            throw DataError(
                .setting, problem: "a short side of \(side) pixels for images of \(size)",
                remedy: "give \(size) to \(2 * PixelPlanes.sizeLimit)")
        }
        guard channels == 1 || channels == 3 else {
            throw DataError(.setting, problem: "images of \(channels) channels", remedy: "give 1 (grey) or 3 (RGB)")
        }
        try normalization?.check(channels: channels)
        self.size = size
        self.shortSide = side
        self.channels = channels
        self.normalization = normalization
    }

    /// Values in one sample.
    public var sampleSize: Int { channels * size * size }

    /// Writes an image as a sample [channels, size, size]: converted, resized to `shortSide`, the middle cut out, normalised.
    public func prepare(_ image: Image, file: String, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        // The longer side grows along; 64 times the shorter one is no photo.
        guard max(image.width, image.height) / min(image.width, image.height) <= 64 else {
            throw DataError(
                .unsupported, file: file,
                problem: "is an image of \(image.width) x \(image.height) pixels, too long for its width",
                remedy: "crop it")
        }
        image.converted(toChannels: channels).resized(shortSide: shortSide).centerCropped(width: size, height: size)
            .write(to: buffer, normalization: normalization)
    }
}

extension ImagePreparation {
    /// An image as a sample [channels, size, size], as `prepare` makes it.
    public func sample(of image: Image, file: String) throws(DataError) -> [Float] {
        var values = [Float](repeating: 0, count: sampleSize)
        var failure: DataError?
        values.withUnsafeMutableBufferPointer { buffer in
            do throws(DataError) { try prepare(image, file: file, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }
}

/// Images in a folder for each class, read when they are asked for.
public struct ImageFolder: Dataset {
    public let name: String
    public let classNames: [String]
    /// The files, class by class, sorted within each.
    public let files: [String]
    public let preparation: ImagePreparation
    private let labels: [Int32]

    static let extensions: Set<String> = ["png", "jpg", "jpeg"]
    private static let otherImages: Set<String> = ["bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "heic", "avif"]
    private static let depthLimit = 16

    /// Lists the folder. Throws where a class has no images, an image is in another format than PNG or JPEG, or a class is
    /// not among `classes`.
    /// - Parameter classes: The classes to expect, such as those of the training part; nil takes those found, sorted.
    public init(_ folder: String, name: String, classes: [String]? = nil, preparation: ImagePreparation) throws(DataError) {
        try Folder.check(folder)
        let found = try Folder.contents(folder).filter { Folder.isFolder("\(folder)/\($0)") == true }
        guard !found.isEmpty else {
            throw DataError(
                .damaged, file: folder, problem: "holds no class folders",
                remedy: "give a folder with a folder of images per class")
        }
        let names = classes ?? found
        var files: [String] = []
        var labels: [Int32] = []
        for entry in found {
            guard let label = names.firstIndex(of: entry) else {
                throw DataError(
                    .mismatch, file: "\(folder)/\(entry)", problem: "is a class that the training part lacks",
                    remedy: "the classes are: \(names.prefix(20).joined(separator: ", "))")
            }
            let images = try ImageFolder.images(in: "\(folder)/\(entry)", depth: 0)
            guard !images.isEmpty else {
                throw DataError(
                    .damaged, file: "\(folder)/\(entry)", problem: "holds no PNG or JPEG files",
                    remedy: "put the images of the class there, or remove the folder")
            }
            files += images
            labels += Array(repeating: Int32(label), count: images.count)
        }
        self.name = name
        self.classNames = names
        self.files = files
        self.labels = labels
        self.preparation = preparation
    }

    public var count: Int { files.count }
    public var sampleShape: [Int] { [preparation.channels, preparation.size, preparation.size] }
    public func label(at index: Int) -> Int32 { labels[index] }

    public func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        try preparation.prepare(Image.read(files[index]), file: files[index], into: buffer)
    }

    /// The images below a folder, however deep.
    private static func images(in folder: String, depth: Int) throws(DataError) -> [String] {
        guard depth < depthLimit else {
            throw DataError(
                .unsupported, file: folder, problem: "lies more than \(depthLimit) folders deep", remedy: "remove loops of links")
        }
        var files: [String] = []
        for entry in try Folder.contents(folder) {
            let path = "\(folder)/\(entry)"
            let ending = entry.split(separator: ".").last.map { $0.lowercased() } ?? ""
            if Folder.isFolder(path) == true {
                files += try images(in: path, depth: depth + 1)
            } else if extensions.contains(ending) {
                files.append(path)
            } else if otherImages.contains(ending) {
                throw DataError(
                    .unsupported, file: path, problem: "is an image that is neither PNG nor JPEG", remedy: "convert or remove it")
            }
        }
        return files
    }
}
