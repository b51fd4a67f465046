import Foundation
import MartletData

/// A run's `metrics.jsonl`. With the first line it appends, the file is cut back to the lines that the checkpoint knows of: what a
/// run wrote after it and before it was cut off is computed again.
final class MetricsLog {
    private let path: String
    private let kept: Int
    private var file: FileHandle?

    init(_ path: String, keeping kept: Int) {
        self.path = path
        self.kept = kept
    }

    deinit { try? file?.close() }

    func append(_ line: String) throws {
        let file = try self.file ?? open()
        self.file = file
        do {
            try file.write(contentsOf: Data((line + "\n").utf8))
        } catch {
            throw TrainingError(.failed, "\(path): cannot be written; the checkpoints before are unchanged")
        }
    }

    private func open() throws -> FileHandle {
        var lines: [Substring] = []
        if let data = FileManager.default.contents(atPath: path) {
            lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        }
        try AtomicFile.write(Array(lines.prefix(kept).map { $0 + "\n" }.joined().utf8), to: path)
        guard let file = FileHandle(forWritingAtPath: path), (try? file.seekToEnd()) != nil else {
            throw TrainingError(.failed, "\(path): cannot be written; the checkpoints before are unchanged")
        }
        return file
    }
}
