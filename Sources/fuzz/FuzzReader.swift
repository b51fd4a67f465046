import Foundation

/// A reader of files from outside that is to survive whatever they hold.
struct FuzzReader {
    let name: String
    /// Good inputs to start from.
    let seeds: () throws -> [[UInt8]]
    /// The file that a damaged input goes into, where that is more than itself.
    var file: ([UInt8]) -> [UInt8] = { $0 }
    /// Reads the file at a path, and uses what it holds. Throwing `DataError` is right where it is damaged.
    let read: (String) throws -> Void

    /// All that there are; a kind of file adds its own.
    static var all: [FuzzReader] { weightReaders + imageReaders }

    /// The golden files with these endings in a folder below Tests/Golden.
    static func golden(_ folder: String, _ endings: [String]) throws -> [[UInt8]] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appendingPathComponent("Tests/Golden/\(folder)").path
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        return try names.filter { name in endings.contains { name.hasSuffix($0) } }
            .map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)"))) }
    }
}
