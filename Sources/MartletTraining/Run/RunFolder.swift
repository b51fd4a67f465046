import Foundation
import MartletCore
import MartletData
import MartletNN

/// A run's folder: `config.yaml`, `metrics.jsonl`, `best.safetensors`, `last.safetensors` with the optimizer's state beside it,
/// `events.out.tfevents.*`, `report.html` and its `figures`.
public struct RunFolder: Sendable {
    public let path: String

    public var configurationPath: String { path + "/config.yaml" }
    public var bestPath: String { path + "/best.safetensors" }
    public var lastPath: String { path + "/last.safetensors" }
    public var metricsPath: String { path + "/metrics.jsonl" }
    /// The report's figures, a file each.
    public var figuresPath: String { path + "/figures" }

    /// A run that exists.
    public init(opening path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw TrainingError(.input, "\(path): there is no such folder; give the folder of a run")
        }
        self.path = path
        guard FileManager.default.fileExists(atPath: configurationPath) else {
            throw TrainingError(.input, "\(path): holds no config.yaml; give the folder of a run")
        }
    }

    /// A new run's folder. A folder that holds a run already is refused.
    public init(creating path: String) throws {
        self.path = path
        if FileManager.default.fileExists(atPath: configurationPath) {
            throw TrainingError(.input, "\(path): holds a run already; go on with it by --resume \(path), or give another --out")
        }
        if FileManager.default.fileExists(atPath: bestPath) {
            throw TrainingError(.input, "\(path): holds weights of a run without its config.yaml; give another --out")
        }
        try Folder.create(path, remedy: "give another --out")
    }

    /// A name for a new run that is not taken: `runs/MODEL-DATA-DATE-TIME`.
    public static func freshPath(model: String, data: String) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyyMMdd-HHmmss"
        let name = data.split(whereSeparator: { $0 == ":" || $0 == "/" }).last.map(String.init) ?? "data"
        let base = "runs/\(model)-\(name)-\(formatter.string(from: Date()))"
        var path = base, number = 2
        while FileManager.default.fileExists(atPath: path) {
            path = "\(base)-\(number)"
            number += 1
        }
        return path
    }

    public func write(_ configuration: RunConfiguration) throws {
        try AtomicFile.write(Array(try configuration.yaml().utf8), to: configurationPath)
    }

    /// Removes what a process that was killed while it wrote left behind.
    func removeUnfinished() {
        for folder in [path, figuresPath] { AtomicFile.removeUnfinished(in: folder) }
    }

    func createFigures() throws {
        try Folder.create(figuresPath, .unwritable, remedy: "remove what is there: it is for the report's figures")
    }

    /// Writes files that belong to the model.
    public func write(_ files: [(name: String, bytes: [UInt8])]) throws {
        for file in files { try AtomicFile.write(file.bytes, to: path + "/" + file.name) }
    }

    /// The weights to use: the best, else the last.
    public func weights() throws -> SafeTensors {
        let best = FileManager.default.fileExists(atPath: bestPath)
        return try SafeTensors.read(best ? bestPath : lastPath)
    }
}
