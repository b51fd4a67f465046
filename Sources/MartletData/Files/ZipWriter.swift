import CZlib

/// Writes a zip archive of stored entries one after another, then its directory; with 64-bit sizes where they are needed. The same
/// entries give the same bytes.
package struct ZipWriter {
    private struct Record {
        var name: [UInt8]
        var checksum: UInt32
        var count: Int
        var header: Int
    }

    private var records: [Record] = []
    /// Bytes written so far.
    private var position = 0
    /// From where on sizes and counts are written with 64 bits; lower in tests, which have no archives of 4 GiB.
    private let limit: Int
    private let countLimit: Int

    /// 1 January 1980, the first day that there is.
    private static let date = 0x21
    private static let version = 45

    package init(wideFrom limit: Int = 0xFFFF_FFFF, countLimit: Int = 0xFFFF) {
        self.limit = limit
        self.countLimit = countLimit
    }

    /// Appends an entry that holds `head`, then `body`, and begins at a multiple of `alignment`.
    package mutating func add(
        _ name: String, head: [UInt8], body: UnsafeRawBufferPointer, alignment: Int = 1, to writer: borrowing AtomicFileWriter
    ) throws(DataError) {
        let name = Array(name.utf8), count = head.count + body.count
        var sum = crc32_z(0, head, head.count)
        // Without bytes zlib would begin anew.
        if !body.isEmpty { sum = crc32_z(sum, body.baseAddress?.assumingMemoryBound(to: UInt8.self), body.count) }
        let record = Record(name: name, checksum: UInt32(truncatingIfNeeded: sum), count: count, header: position)
        var extra: [UInt8] = []
        if count >= limit { extra = Self.bytes((1, 2), (16, 2), (count, 8), (count, 8)) }
        // Another field, of zeros, moves the content to where it is to begin.
        let start = position + 30 + name.count + extra.count + 4
        if alignment > 1 {
            let padding = (alignment - start % alignment) % alignment
            extra += Self.bytes((0x4246, 2), (padding, 2)) + [UInt8](repeating: 0, count: padding)
        }
        let size = count >= limit ? 0xFFFF_FFFF : count
        let header =
            Self.bytes(
                (0x0403_4B50, 4), (Self.version, 2), (0x800, 2), (0, 2), (0, 2), (Self.date, 2), (Int(record.checksum), 4),
                (size, 4),
                (size, 4), (name.count, 2), (extra.count, 2)) + name + extra
        try write(header, to: writer)
        try write(head, to: writer)
        try writer.write(body)
        position += body.count
        records.append(record)
    }

    /// Writes the directory.
    package mutating func finish(to writer: borrowing AtomicFileWriter) throws(DataError) {
        let start = position
        for record in records {
            var wide: [UInt8] = []
            if record.count >= limit { wide += Self.bytes((record.count, 8), (record.count, 8)) }
            if record.header >= limit { wide += Self.bytes((record.header, 8)) }
            let extra = wide.isEmpty ? [] : Self.bytes((1, 2), (wide.count, 2)) + wide
            let size = record.count >= limit ? 0xFFFF_FFFF : record.count
            let entry = Self.bytes(
                (0x0201_4B50, 4), (Self.version, 2), (Self.version, 2), (0x800, 2), (0, 2), (0, 2), (Self.date, 2),
                (Int(record.checksum), 4), (size, 4), (size, 4), (record.name.count, 2), (extra.count, 2), (0, 2), (0, 2), (0, 2),
                (0, 4), (record.header >= limit ? 0xFFFF_FFFF : record.header, 4))
            try write(entry + record.name + extra, to: writer)
        }
        let size = position - start
        if records.count >= countLimit || size >= limit || start >= limit {
            let end = position
            try write(
                Self.bytes(
                    (0x0606_4B50, 4), (44, 8), (Self.version, 2), (Self.version, 2), (0, 4), (0, 4), (records.count, 8),
                    (records.count, 8), (size, 8), (start, 8)) + Self.bytes((0x0706_4B50, 4), (0, 4), (end, 8), (1, 4)),
                to: writer)
        }
        let count = records.count >= countLimit ? 0xFFFF : records.count
        try write(
            Self.bytes(
                (0x0605_4B50, 4), (0, 2), (0, 2), (count, 2), (count, 2), (size >= limit ? 0xFFFF_FFFF : size, 4),
                (start >= limit ? 0xFFFF_FFFF : start, 4), (0, 2)), to: writer)
    }

    private mutating func write(_ bytes: [UInt8], to writer: borrowing AtomicFileWriter) throws(DataError) {
        var failure: DataError?
        bytes.withUnsafeBytes { buffer in
            do throws(DataError) { try writer.write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        position += bytes.count
    }

    /// Numbers of so many bytes each, little-endian.
    private static func bytes(_ fields: (value: Int, size: Int)...) -> [UInt8] {
        fields.flatMap { field in (0..<field.size).map { UInt8(truncatingIfNeeded: field.value >> (8 * $0)) } }
    }
}
