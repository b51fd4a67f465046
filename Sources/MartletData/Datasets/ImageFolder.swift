import Foundation

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
        try self.init(folder, name: name, classes: classes, preparation: preparation) { problem throws(DataError) in throw problem
        }
    }

    /// - Parameter report: told what is wrong; where it does not throw, what is wrong is left out.
    init(
        _ folder: String, name: String, classes: [String]?, preparation: ImagePreparation,
        report: (DataError) throws(DataError) -> Void
    ) throws(DataError) {
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
                try report(
                    DataError(
                        .mismatch, file: "\(folder)/\(entry)", problem: "is a class that the training part lacks",
                        remedy: "the classes are: \(names.prefix(20).joined(separator: ", "))"))
                continue
            }
            let images = try ImageFolder.images(in: "\(folder)/\(entry)", depth: 0, report)
            if images.isEmpty {
                try report(
                    DataError(
                        .damaged, file: "\(folder)/\(entry)", problem: "holds no PNG or JPEG files",
                        remedy: "put the images of the class there, or remove the folder"))
            }
            files += images
            labels += Array(repeating: Int32(label), count: images.count)
        }
        self.init(name: name, classNames: names, files: files, labels: labels, preparation: preparation)
    }

    package init(name: String, classNames: [String], files: [String], labels: [Int32], preparation: ImagePreparation) {
        self.name = name
        self.classNames = classNames
        self.files = files
        self.labels = labels
        self.preparation = preparation
    }

    /// Without some of its files.
    func leavingOut(_ paths: Set<String>) -> ImageFolder {
        let kept = files.indices.filter { !paths.contains(files[$0]) }
        return ImageFolder(
            name: name, classNames: classNames, files: kept.map { files[$0] }, labels: kept.map { labels[$0] },
            preparation: preparation)
    }

    public var count: Int { files.count }
    public var sampleShape: [Int] { [preparation.channels, preparation.size, preparation.size] }
    public func label(at index: Int) -> Int32 { labels[index] }

    public func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        try preparation.prepareMiddle(of: ImageReader(files[index]), file: files[index], into: buffer)
    }

    /// A random crop that comes first is cut out of the whole photo, not out of its middle.
    public func read(
        _ index: Int, into buffer: UnsafeMutableBufferPointer<Float>, varied augmentation: some Augmentation,
        random: inout SampleRandom
    ) throws(DataError) {
        var steps = (augmentation as? AugmentationChain)?.steps ?? [augmentation]
        if let crop = steps.first as? RandomResizedCrop {
            steps.removeFirst()
            let reader = try ImageReader(files[index])
            try preparation.check(width: reader.width, height: reader.height, file: files[index])
            let region = crop.region(width: reader.width, height: reader.height, random: &random)
            try preparation.prepare(region, of: reader, interpolation: crop.interpolation, into: buffer)
        } else {
            try read(index, into: buffer)
        }
        for step in steps { step.apply(to: buffer, shape: sampleShape, random: &random) }
    }

    public var tenCrops: (any Dataset)? { TenCrops(folder: self) }

    /// The images below a folder, however deep.
    private static func images(
        in folder: String, depth: Int, _ report: (DataError) throws(DataError) -> Void
    ) throws(DataError) -> [String] {
        guard depth < depthLimit else {
            try report(
                DataError(
                    .unsupported, file: folder, problem: "lies more than \(depthLimit) folders deep",
                    remedy: "remove loops of links"))
            return []
        }
        var files: [String] = []
        for entry in try Folder.contents(folder) {
            let path = "\(folder)/\(entry)"
            let ending = entry.split(separator: ".").last.map { $0.lowercased() } ?? ""
            if Folder.isFolder(path) == true {
                files += try images(in: path, depth: depth + 1, report)
            } else if extensions.contains(ending) {
                files.append(path)
            } else if otherImages.contains(ending) {
                try report(
                    DataError(
                        .unsupported, file: path, problem: "is an image that is neither PNG nor JPEG",
                        remedy: "convert or remove it"))
            }
        }
        return files
    }
}

/// Ten crops of each photo of a folder: samples of shape [10, c, h, w].
struct TenCrops: Dataset {
    let folder: ImageFolder

    var name: String { folder.name }
    var count: Int { folder.count }
    var sampleShape: [Int] { [10] + folder.sampleShape }
    var classNames: [String] { folder.classNames }
    func label(at index: Int) -> Int32 { folder.label(at: index) }

    func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        let file = folder.files[index]
        try folder.preparation.prepareTenCrops(of: ImageReader(file), file: file, into: buffer)
    }
}
