/// A zip archive: entries stored or deflated, with 64-bit sizes where needed. Opening it reads the directory at its end, and checks
/// that every entry lies within the file, before the directory, apart from the others, and that no deflated one claims more than
/// deflation can yield. PKWARE, ".ZIP File Format Specification", 6.3.
package struct ZipArchive: Sendable {
    /// The files in it, in the directory's order.
    package let entries: [ZipEntry]
    private let byName: [String: Int]

    private static let endSize = 22
    private static let directoryLimit = 1 << 26

    package subscript(name: String) -> ZipEntry? { byName[name].map { entries[$0] } }

    package init(_ file: InputFile) throws(DataError) {
        func damaged(_ problem: String) -> DataError {
            DataError(.damaged, file: file.path, problem: problem, remedy: "fetch or write it again")
        }
        let directory = try Self.directory(of: file, damaged: damaged)
        let bytes = try file.bytes(directory.size, at: directory.offset)
        let fields = LittleEndian(bytes: bytes)
        var position = 0
        var found: [ZipEntry] = []
        var names: [String: Int] = [:]
        for _ in 0..<directory.count {
            guard fields.number(4, at: position) == 0x0201_4B50, position + 46 <= bytes.count else {
                throw damaged("its zip directory ends after \(found.count) of \(directory.count) entries")
            }
            let lengths = [28, 30, 32].map { fields.integer(2, at: position + $0) ?? 0 }
            let end = position + 46 + lengths.reduce(0, +)
            guard end <= bytes.count else { throw damaged("its zip directory is cut short") }
            let name = Array(bytes[position + 46..<position + 46 + lengths[0]])
            let record = DirectoryRecord(fields, at: position, extra: position + 46 + lengths[0], extraCount: lengths[1])
            position = end
            let entry = try ZipEntry(record, name: name, file: file, limit: directory.offset)
            if entry.name.hasSuffix("/"), entry.count == 0 { continue }
            guard names.updateValue(found.count, forKey: entry.name) == nil else {
                throw damaged("two of its zip entries are called \(DataError.quote(entry.name))")
            }
            found.append(entry)
        }
        var last = 0
        for entry in found.sorted(by: { $0.header < $1.header }) {
            guard entry.header >= last else { throw damaged("its zip entry \(DataError.quote(entry.name)) overlaps another") }
            last = entry.start + entry.packedCount
        }
        entries = found
        byName = names
    }

    /// Where the directory is, from the record at the end of the file.
    private static func directory(of file: InputFile, damaged: (String) -> DataError) throws(DataError)
        -> (offset: Int, size: Int, count: Int)
    {
        let cut = damaged("has no zip directory at its end; it may be cut short")
        guard file.size >= endSize else { throw cut }
        let tailSize = min(file.size, endSize + 65535)
        let tailStart = file.size - tailSize
        let tail = LittleEndian(bytes: try file.bytes(tailSize, at: tailStart))
        let ends = stride(from: tailSize - endSize, through: 0, by: -1)
        guard
            let end = ends.first(where: {
                tail.bytes[$0] == 0x50 && tail.number(4, at: $0) == 0x0605_4B50
                    && tail.integer(2, at: $0 + 20) == tailSize - endSize - $0
            })
        else { throw cut }
        var limit = tailStart + end
        var disks = [tail.integer(2, at: end + 4), tail.integer(2, at: end + 6)]
        var (count, size, offset) = (tail.integer(2, at: end + 10), tail.integer(4, at: end + 12), tail.integer(4, at: end + 16))
        if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF, end >= 20, tail.number(4, at: end - 20) == 0x0706_4B50
        {
            guard let place = tail.integer(8, at: end - 12), place <= limit - 20 - 56 else {
                throw damaged("its 64-bit zip directory lies outside the file")
            }
            let record = LittleEndian(bytes: try file.bytes(56, at: place))
            guard record.number(4, at: 0) == 0x0606_4B50 else { throw damaged("its 64-bit zip directory is damaged") }
            disks = [record.integer(4, at: 16), record.integer(4, at: 20)]
            (count, size, offset) = (record.integer(8, at: 32), record.integer(8, at: 40), record.integer(8, at: 48))
            limit = place
        }
        guard disks == [0, 0] else {
            throw DataError(
                .unsupported, file: file.path, problem: "is one part of a zip archive in several", remedy: "join the parts")
        }
        guard let count, let size, let offset, size <= limit, offset <= limit - size, count <= size / 46 else {
            throw damaged("its zip directory lies outside the file")
        }
        guard size <= directoryLimit else {
            throw DataError(
                .tooLarge, file: file.path, problem: "has a zip directory of \(size) bytes",
                remedy: "give an archive with one of at most \(directoryLimit)")
        }
        return (offset, size, count)
    }
}

/// What the directory says of an entry; nil where it does not fit an `Int`.
struct DirectoryRecord {
    var flags: Int
    var method: Int
    var checksum: UInt32
    var packed: Int?
    var unpacked: Int?
    var header: Int?

    /// - Parameters:
    ///   - extra: where the extra fields begin, among them the 64-bit sizes.
    init(_ fields: LittleEndian, at position: Int, extra: Int, extraCount: Int) {
        flags = fields.integer(2, at: position + 8) ?? 0
        method = fields.integer(2, at: position + 10) ?? 0
        checksum = UInt32(truncatingIfNeeded: fields.number(4, at: position + 16) ?? 0)
        packed = fields.integer(4, at: position + 20)
        unpacked = fields.integer(4, at: position + 24)
        header = fields.integer(4, at: position + 42)
        var place = extra
        while place + 4 <= extra + extraCount {
            let size = fields.integer(2, at: place + 2) ?? 0
            if fields.integer(2, at: place) == 1 {
                // Only those are there that did not fit.
                var next = place + 4
                func wide(_ value: inout Int?) {
                    guard value == 0xFFFF_FFFF else { return }
                    value = next + 8 <= place + 4 + size ? fields.integer(8, at: next) : nil
                    next += 8
                }
                wide(&unpacked)
                wide(&packed)
                wide(&header)
                return
            }
            place += 4 + size
        }
    }
}
