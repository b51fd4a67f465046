import Foundation

/// MNIST and data sets in its form (Fashion-MNIST, KMNIST): grey images of ten classes in IDX files, plain or gzip, named
/// `train-images-idx3-ubyte` or `train-images.idx3-ubyte` and so on.
public enum MNIST {
    /// Reads the training part and, where its files are there, the test part (`t10k-`).
    /// - Parameters:
    ///   - size: The width and height to resize to, bilinear with antialiasing; nil keeps what is stored.
    ///   - normalization: Applied to the values in 0...1.
    public static func load(
        _ folder: String, size: Int? = nil, normalization: ChannelNormalization? = nil
    ) throws(DataError) -> DatasetSplits {
        try Folder.check(folder)
        let training = try part("train", folder: folder, size: size, normalization: normalization)
        let hasTest = file("t10k", "images-idx3", in: folder) != nil || file("t10k", "labels-idx1", in: folder) != nil
        let test = hasTest ? try part("t10k", folder: folder, size: size, normalization: normalization) : nil
        var splits = try DatasetSplits(training: training, test: test)
        splits.normalization = normalization
        return splits
    }

    /// Whether the folder looks like MNIST.
    static func isRecognized(_ folder: String) -> Bool { file("train", "images-idx3", in: folder) != nil }

    private static func part(
        _ name: String, folder: String, size: Int?, normalization: ChannelNormalization?
    ) throws(DataError) -> InMemoryDataset {
        let imagePath = try existing(name, "images-idx3", in: folder)
        let labelPath = try existing(name, "labels-idx1", in: folder)
        let labels = try IDXFile.read(labelPath, dimensions: 1).values
        if let bad = labels.firstIndex(where: { $0 > 9 }) {
            throw DataError(
                .damaged, file: labelPath, problem: "label \(labels[bad]) at position \(bad) is outside the classes 0 to 9",
                remedy: "give labels of ten classes")
        }
        let images = try IDXFile.read(imagePath, dimensions: 3)
        guard images.shape[0] == labels.count else {
            throw DataError(
                .mismatch, file: labelPath, problem: "has \(labels.count) labels for \(images.shape[0]) images",
                remedy: "give the labels that belong to \(URL(fileURLWithPath: imagePath).lastPathComponent)")
        }
        return try PixelPlanes(
            values: images.values, count: images.shape[0], channels: 1, height: images.shape[1], width: images.shape[2]
        )
        .dataset(
            name: "mnist/" + (name == "t10k" ? "test" : name), labels: labels.map(Int32.init),
            classNames: (0..<10).map(String.init), size: size, normalization: normalization)
    }

    private static func names(_ part: String, _ content: String) -> [String] {
        [content, content.replacing("-", with: ".")].flatMap { ["\(part)-\($0)-ubyte", "\(part)-\($0)-ubyte.gz"] }
    }

    private static func file(_ part: String, _ content: String, in folder: String) -> String? {
        names(part, content).map { "\(folder)/\($0)" }.first { FileManager.default.fileExists(atPath: $0) }
    }

    private static func existing(_ part: String, _ content: String, in folder: String) throws(DataError) -> String {
        if let path = file(part, content, in: folder) { return path }
        throw DataError(
            .missing, file: "\(folder)/\(names(part, content)[0])", problem: "does not exist (nor with .gz)",
            remedy: "put MNIST's four IDX files there")
    }
}
