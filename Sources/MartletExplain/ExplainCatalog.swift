import MartletData
import MartletFigures
import MartletTraining

/// All topics by name.
public enum ExplainCatalog {
    public static let all: [ExplainTopic] = [
        .mlp, .batchnorm, .optimizers, .convolution, .features, .gradcam, .lstm, .attention, .masking, .iou, .detection,
    ]

    /// The topic of this name.
    public static func named(_ name: String) throws -> ExplainTopic {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw TrainingError(.input, "there is no topic '\(name)'; there are \(all.map(\.name).joined(separator: ", "))")
    }
}

extension Explanation {
    /// Writes the page, as `TOPIC.html`, and the pictures beside it into a folder, which is made where it is not there.
    ///
    /// - Returns: the files' paths, the page first.
    public func write(_ topic: String, to folder: String) throws -> [String] {
        try Folder.create(folder, remedy: "give another --out")
        let all = [(name: topic + ".html", bytes: Array(page.html.utf8))] + files
        return try all.map { file in
            let path = folder + (folder.hasSuffix("/") ? "" : "/") + file.name
            try AtomicFile.write(file.bytes, to: path)
            return path
        }
    }
}
