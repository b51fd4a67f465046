import CZlib
import Foundation
import MartletData

extension FuzzReader {
    static var weightReaders: [FuzzReader] {
        [
            FuzzReader(name: "safetensors", seeds: { try golden("data", [".safetensors"]) }, read: readWeights),
            FuzzReader(
                name: "torch", seeds: { try golden("data/weights", ["s.pth", "f.pth", "t.pth", "g.pth", "d.pth"]) },
                read: readWeights
            ),
            FuzzReader(name: "torch-legacy", seeds: { try golden("data/weights", ["legacy.pth"]) }, read: readWeights),
            // The pickle alone is damaged; the archive around it has the right checksum.
            FuzzReader(
                name: "torch-pickle", seeds: { try archives.map { $0["data.pkl"] ?? [] } },
                file: { pickle in zip((storages.map { ($0.key, $0.value) }) + [("a/data.pkl", pickle)]) }, read: readWeights),
            FuzzReader(name: "npz", seeds: { try golden("data/weights", [".npz"]) }, read: readWeights),
            FuzzReader(name: "npy", seeds: { try golden("data/weights", [".npy"]) }, read: readWeights),
        ]
    }

    /// Reads all of a weight file, in every way its types allow.
    private static func readWeights(_ path: String) throws {
        let weights = try WeightFile.read(path)
        for entry in weights.entries {
            _ = try entry.bytes()
            if entry.type.isInteger { _ = try? entry.integers() }
            if ![.float8e4m3, .float8e5m2].contains(entry.type) { _ = try entry.floats() }
        }
    }

    /// The golden archives' entries, without their folder.
    private static var archives: [[String: [UInt8]]] {
        get throws {
            try golden("data/weights", ["s.pth", "f.pth", "g.pth"]).map { bytes in
                let path = NSTemporaryDirectory() + "/martlet-fuzz-seed"
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                defer { try? FileManager.default.removeItem(atPath: path) }
                let archive = try ZipArchive(InputFile(path))
                return Dictionary(
                    uniqueKeysWithValues: try archive.entries.map {
                        (String($0.name.drop { $0 != "/" }.dropFirst()), try $0.contents(limit: 1 << 24))
                    })
            }
        }
    }

    /// Storages by key, as the largest golden archive has them.
    private static let storages: [String: [UInt8]] = {
        let largest = (try? archives)?.max { $0.count < $1.count } ?? [:]
        let pairs = largest.filter { $0.key.hasPrefix("data/") }.map { ("a/" + $0.key, $0.value) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }()

    /// A zip archive of stored entries.
    private static func zip(_ entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        func number(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        var result: [UInt8] = [], directory: [UInt8] = []
        for (name, bytes) in entries {
            let sum = Int(crc32_z(0, bytes, bytes.count))
            let common =
                number(20, 2) + number(0, 8) + number(sum, 4) + number(bytes.count, 4) + number(bytes.count, 4)
                + number(name.utf8.count, 2) + number(0, 2)
            directory +=
                number(0x0201_4B50, 4) + number(20, 2) + common + number(0, 10) + number(result.count, 4) + Array(name.utf8)
            result += number(0x0403_4B50, 4) + common + Array(name.utf8) + bytes
        }
        let start = result.count
        return result + directory + number(0x0605_4B50, 4) + number(0, 4) + number(entries.count, 2) + number(entries.count, 2)
            + number(directory.count, 4) + number(start, 4) + number(0, 2)
    }
}
