/// A run of bytes that lies in a file, as it stands there or packed in an archive, read when it is asked for.
package protocol StoredBytes: Sendable {
    /// How many there are.
    var count: Int { get }
    /// Fills the buffer from `offset` on; the caller has checked that so many are there. Throws where the file is damaged.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError)
}

extension StoredBytes {
    /// `count` bytes from `offset` on.
    package func bytes(_ count: Int, at offset: Int = 0) throws(DataError) -> [UInt8] {
        var failure: DataError?
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DataError) {
                try read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]), at: offset)
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }
}

/// A part of a file as it stands there.
package struct FileBytes: StoredBytes {
    let file: InputFile
    let start: Int
    package let count: Int

    package init(_ file: InputFile, from start: Int, count: Int) {
        self.file = file
        self.start = start
        self.count = count
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) {
        try file.read(into: buffer, at: start + offset)
    }
}

/// Whole numbers in little-endian bytes; nil beyond the end.
struct LittleEndian {
    let bytes: [UInt8]

    func number(_ size: Int, at offset: Int) -> UInt64? {
        guard offset >= 0, size <= 8, offset <= bytes.count - size else { return nil }
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The number where it fits an `Int`.
    func integer(_ size: Int, at offset: Int) -> Int? { number(size, at: offset).flatMap { Int(exactly: $0) } }
}
