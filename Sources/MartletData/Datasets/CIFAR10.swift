import Foundation

/// CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009) in its binary version: 60,000 RGB
/// images of 32 x 32 pixels in `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, each record a label and 3,072
/// values.
public enum CIFAR10 {
    /// The classes in the order of their labels.
    public static let classNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    private static let recordSize = 1 + 3 * 32 * 32
    private static let trainingFiles = (1...5).map { "data_batch_\($0).bin" }
    private static let testFile = "test_batch.bin"
    /// What the archive unpacks to.
    private static let innerFolder = "cifar-10-batches-bin"
    /// The largest file read, which leaves room for a hundred times the usual 10,000 records.
    private static let fileLimit = 100 * 10_000 * recordSize

    /// Reads the training part and, where its file is there, the test part, from the folder or its `cifar-10-batches-bin`.
    /// - Parameters:
    ///   - size: The width and height to resize to, bilinear with antialiasing; nil keeps 32.
    ///   - normalization: Applied to the values in 0...1.
    public static func load(
        _ folder: String, size: Int? = nil, normalization: ChannelNormalization? = nil
    ) throws(DataError) -> DatasetSplits {
        try Folder.check(folder)
        let inner = folder + "/" + innerFolder
        let place = Folder.isFolder(inner) == true ? inner : folder
        if let python = pythonVersion(in: folder), !exists(trainingFiles[0], in: place) {
            throw DataError(
                .unsupported, file: python, problem: "is the Python version of CIFAR-10, pickled objects that are not read here",
                remedy: "fetch the binary version, cifar-10-binary.tar.gz")
        }
        let training = try part("cifar10/train", trainingFiles, in: place, size: size, normalization: normalization)
        let test =
            exists(testFile, in: place)
            ? try part("cifar10/test", [testFile], in: place, size: size, normalization: normalization) : nil
        var splits = try DatasetSplits(training: training, test: test)
        splits.normalization = normalization
        return splits
    }

    /// Whether the folder looks like CIFAR-10, in whichever version.
    static func isRecognized(_ folder: String) -> Bool {
        exists(trainingFiles[0], in: folder) || exists(trainingFiles[0], in: folder + "/" + innerFolder)
            || pythonVersion(in: folder) != nil
    }

    private static func part(
        _ name: String, _ files: [String], in folder: String, size: Int?, normalization: ChannelNormalization?
    ) throws(DataError) -> InMemoryDataset {
        var labels: [Int32] = []
        var pixels: [UInt8] = []
        for file in files {
            let path = "\(folder)/\(file)"
            let bytes = try InputFile.contents(path, limit: fileLimit)
            guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
                throw DataError(
                    .damaged, file: path, problem: "has \(bytes.count) bytes, which are not records of \(recordSize)",
                    remedy: "fetch it again (30,730,000 bytes)")
            }
            for record in 0..<bytes.count / recordSize {
                let label = bytes[record * recordSize]
                guard label < classNames.count else {
                    throw DataError(
                        .damaged, file: path, problem: "label \(label) of record \(record) is outside the classes 0 to 9",
                        remedy: "give CIFAR-10's own file (CIFAR-100 has another form)")
                }
                labels.append(Int32(label))
                pixels += bytes[record * recordSize + 1..<(record + 1) * recordSize]
            }
        }
        return try PixelPlanes(values: pixels, count: labels.count, channels: 3, height: 32, width: 32)
            .dataset(name: name, labels: labels, classNames: classNames, size: size, normalization: normalization)
    }

    private static func exists(_ file: String, in folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(file)")
    }

    private static func pythonVersion(in folder: String) -> String? {
        ["data_batch_1", "cifar-10-batches-py", "cifar-10-python.tar.gz"].map { "\(folder)/\($0)" }
            .first { FileManager.default.fileExists(atPath: $0) }
    }
}
