import MartletCore

/// What tuning found for one device with one driver, as it is kept in the user's cache folder:
///
///     martlet tuned 1
///     device NAME
///     use KERNEL CLASS SOURCE NAME=VALUE NAME=VALUE...
///     end HASH
///
/// A file that is damaged, another program's or another device's counts as absent; so does a line whose kernel has another
/// source by now.
struct TunedTable: Equatable {
    struct Entry: Equatable {
        var kernel: String
        var shapeClass: String
        var source: String
        var parameters: KernelParameters
    }

    var entries: [Entry] = []

    private static let mark = "martlet tuned 1"
    private static let mostBytes = 1 << 16

    /// The file of a device, by a hash of what tells it from others.
    static func fileName(_ identity: String) -> String { hash(identity) }

    /// Reads a device's file; nil where it has none that can be relied on.
    init?(_ identity: String, in folder: CacheFolder) {
        guard let bytes = folder.read(TunedTable.fileName(identity), limit: TunedTable.mostBytes) else { return nil }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard let end = lines.popLast(), end == "end \(TunedTable.hash(lines.joined(separator: "\n")))", lines.count >= 2,
            lines[0] == TunedTable.mark, lines[1] == TunedTable.deviceLine(identity)
        else { return nil }
        entries = lines.dropFirst(2).compactMap(Entry.init)
    }

    init() {}

    /// Puts an entry in the place of the one for the same kernel and class.
    mutating func set(_ entry: Entry) {
        entries.removeAll { $0.kernel == entry.kernel && $0.shapeClass == entry.shapeClass }
        entries.append(entry)
    }

    /// Writes it whole; false, with `errno` set, where that fails.
    func write(_ identity: String, in folder: CacheFolder) -> Bool {
        let text = ([TunedTable.mark, TunedTable.deviceLine(identity)] + entries.map(\.line)).joined(separator: "\n")
        return folder.write(Array("\(text)\nend \(TunedTable.hash(text))\n".utf8), to: TunedTable.fileName(identity))
    }

    private static func deviceLine(_ identity: String) -> String {
        "device " + identity.split(separator: "\n").joined(separator: ", ")
    }

    static func hash(_ text: String) -> String {
        String(BinaryCache.hash(Array(text.utf8), seed: 0xcbf2_9ce4_8422_2325), radix: 16)
    }
}

extension TunedTable.Entry {
    fileprivate var line: String {
        let values = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return (["use", kernel, shapeClass, source] + values).joined(separator: " ")
    }

    fileprivate init?(_ line: String) {
        let fields = line.split(separator: " ")
        guard fields.count >= 4, fields[0] == "use" else { return nil }
        var parameters: KernelParameters = [:]
        for field in fields.dropFirst(4) {
            let pair = field.split(separator: "=")
            guard pair.count == 2, let value = Int(pair[1]) else { return nil }
            parameters[String(pair[0])] = value
        }
        self.init(
            kernel: String(fields[1]), shapeClass: String(fields[2]), source: String(fields[3]), parameters: parameters)
    }
}
