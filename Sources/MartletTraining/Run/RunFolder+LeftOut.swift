import Foundation
import MartletData

/// What a run left out of its data is kept with it, so that a resumed run sees the same samples.
extension RunFolder {
    private static let leftOutName = "left-out.txt"

    /// The file that tells which files were left out, a path a line; nil for none.
    static func leftOutFile(_ problems: [DataError]) -> (name: String, bytes: [UInt8])? {
        let files = problems.compactMap(\.file)
        return files.isEmpty ? nil : (leftOutName, Array(files.map { $0 + "\n" }.joined().utf8))
    }

    /// The files that were left out.
    func leftOut() -> [String] {
        guard let data = FileManager.default.contents(atPath: path + "/" + Self.leftOutName) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
