extension ImageFolder {
    private static let trainingNames = ["train", "training"]
    private static let validationNames = ["val", "valid", "validation"]
    private static let testNames = ["test"]

    /// The parts below a folder: `train`, and where present `val` and `test`, each with a folder of images per class; or the
    /// class folders themselves, which become the training part.
    public static func load(_ folder: String, preparation: ImagePreparation, bad: BadPhotos = .unchecked) throws(DataError)
        -> DatasetSplits
    {
        let parts = try parts(folder, preparation: preparation) { problem throws(DataError) in throw problem }
        var leftOut: [DataError] = []
        func usable(_ part: ImageFolder?) throws(DataError) -> ImageFolder? {
            guard let part else { return nil }
            let result = try part.without(bad)
            leftOut += result.leftOut
            return result.folder
        }
        let training = try parts.training.without(bad)
        leftOut += training.leftOut
        var splits = try DatasetSplits(
            training: training.folder, validation: usable(parts.validation), test: usable(parts.test))
        splits.normalization = preparation.normalization
        splits.leftOut = leftOut
        return splits
    }

    /// The parts as they are listed.
    ///
    /// - Parameter report: told what is wrong with them.
    static func parts(
        _ folder: String, preparation: ImagePreparation, report: (DataError) throws(DataError) -> Void
    ) throws(DataError) -> (training: ImageFolder, validation: ImageFolder?, test: ImageFolder?) {
        try Folder.check(folder)
        func list(_ path: String, _ classes: [String]?) throws(DataError) -> ImageFolder {
            try ImageFolder(path, name: path, classes: classes, preparation: preparation, report: report)
        }
        guard let training = part(trainingNames, in: folder) else {
            if let other = part(validationNames + testNames, in: folder) {
                throw DataError(
                    .missing, file: "\(folder)/\(trainingNames[0])", problem: "does not exist, although \(other) does",
                    remedy: "put the training images there")
            }
            return (try list(folder, nil), nil, nil)
        }
        let trained = try list(training, nil)
        func other(_ names: [String]) throws(DataError) -> ImageFolder? {
            guard let path = part(names, in: folder) else { return nil }
            return try list(path, trained.classNames)
        }
        return (trained, try other(validationNames), try other(testNames))
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
