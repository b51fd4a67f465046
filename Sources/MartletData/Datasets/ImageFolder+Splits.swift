extension ImageFolder {
    private static let trainingNames = ["train", "training"]
    private static let validationNames = ["val", "valid", "validation"]
    private static let testNames = ["test"]

    /// The parts below a folder: `train`, and where present `val` and `test`, each with a folder of images per class; or the
    /// class folders themselves, which become the training part.
    public static func load(_ folder: String, preparation: ImagePreparation) throws(DataError) -> DatasetSplits {
        try Folder.check(folder)
        guard let training = part(trainingNames, in: folder) else {
            if let other = part(validationNames + testNames, in: folder) {
                throw DataError(
                    .missing, file: "\(folder)/\(trainingNames[0])", problem: "does not exist, although \(other) does",
                    remedy: "put the training images there")
            }
            var splits = try DatasetSplits(training: ImageFolder(folder, name: folder, preparation: preparation))
            splits.normalization = preparation.normalization
            return splits
        }
        let trained = try ImageFolder(training, name: training, preparation: preparation)
        func other(_ names: [String]) throws(DataError) -> ImageFolder? {
            guard let path = part(names, in: folder) else { return nil }
            return try ImageFolder(path, name: path, classes: trained.classNames, preparation: preparation)
        }
        var splits = try DatasetSplits(training: trained, validation: other(validationNames), test: other(testNames))
        splits.normalization = preparation.normalization
        return splits
    }

    /// Whether the folder has images in folders, as `load` reads them.
    static func isRecognized(_ folder: String) -> Bool {
        let place = part(trainingNames, in: folder) ?? folder
        guard let entries = try? Folder.contents(place) else { return false }
        return entries.prefix(1000).contains { entry in
            guard Folder.isFolder("\(place)/\(entry)") == true, let files = try? Folder.contents("\(place)/\(entry)") else {
                return false
            }
            return files.contains { file in extensions.contains(file.split(separator: ".").last.map { $0.lowercased() } ?? "") }
        }
    }

    private static func part(_ names: [String], in folder: String) -> String? {
        names.map { "\(folder)/\($0)" }.first { Folder.isFolder($0) == true }
    }
}
