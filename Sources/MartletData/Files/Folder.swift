import Foundation

/// Looking into folders, and making them.
package enum Folder {
    /// Throws unless there is a folder of this path.
    package static func check(_ path: String) throws(DataError) {
        guard let isFolder = isFolder(path) else {
            throw DataError(.missing, file: path, problem: "does not exist", remedy: "give the path of a folder that does")
        }
        guard isFolder else { throw DataError(.unreadable, file: path, problem: "is not a folder", remedy: "give a folder") }
    }

    /// Whether the path is a folder; nil where there is nothing.
    package static func isFolder(_ path: String) -> Bool? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT == S_IFDIR : nil
    }

    /// Makes a folder, and those above it, where there is none. `name` is what the error calls it: its path, or with the setting
    /// that gave it; `kind` is `.unwritable` where nobody gave it.
    package static func create(
        _ path: String, called name: String? = nil, _ kind: DataError.Kind = .setting, remedy: String
    ) throws(DataError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw DataError(kind, file: name ?? path, problem: "cannot be made a folder", remedy: remedy)
        }
    }

    /// What is in a folder, sorted by code points, hidden entries left out.
    package static func contents(_ path: String) throws(DataError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }
                .sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        } catch {
            throw DataError(.unreadable, file: path, problem: "cannot be listed", remedy: "check its permissions")
        }
    }
}
