import CZlib
import Synchronization

/// A file in a zip archive. What is read of it has been held against its checksum.
package final class ZipEntry: StoredBytes {
    package let name: String
    /// Bytes when unpacked.
    package let count: Int
    let packedCount: Int
    /// Where its own header and its bytes begin.
    let header: Int
    let start: Int
    private let isDeflated: Bool
    private let checksum: UInt32
    private let file: InputFile
    private let isChecked = Atomic<Bool>(false)

    /// No deflated bytes yield more than so many times their number.
    private static let deflationLimit = 1032
    private static let pieceSize = 1 << 18

    init(_ record: DirectoryRecord, name: [UInt8], file: InputFile, limit: Int) throws(DataError) {
        self.name = String(decoding: name, as: UTF8.self)
        let quoted = DataError.quote(self.name)
        func damaged(_ problem: String) -> DataError {
            DataError(.damaged, file: file.path, problem: "its zip entry \(quoted) \(problem)", remedy: "fetch or write it again")
        }
        func unsupported(_ problem: String, _ remedy: String) -> DataError {
            DataError(.unsupported, file: file.path, problem: "its zip entry \(quoted) \(problem)", remedy: remedy)
        }
        guard record.flags & 1 == 0 else { throw unsupported("is encrypted", "unpack it and pack it again without a password") }
        guard record.method == 0 || record.method == 8 else {
            throw unsupported("is packed by method \(record.method)", "pack it again, stored or deflated")
        }
        guard let header = record.header, let packed = record.packed, let unpacked = record.unpacked, header <= limit - 30 else {
            throw damaged("lies outside the file")
        }
        let own = LittleEndian(bytes: try file.bytes(30, at: header))
        guard own.number(4, at: 0) == 0x0403_4B50, let nameCount = own.integer(2, at: 26),
            let extraCount = own.integer(2, at: 28),
            nameCount == name.count, header + 30 + nameCount <= limit,
            try file.bytes(nameCount, at: header + 30) == name
        else { throw damaged("is not where the directory says") }
        let start = header + 30 + nameCount + extraCount
        guard start <= limit, packed <= limit - start else { throw damaged("reaches beyond the end of the entries") }
        isDeflated = record.method == 8
        guard isDeflated || packed == unpacked else { throw damaged("has two sizes, \(packed) and \(unpacked)") }
        guard !isDeflated || unpacked / Self.deflationLimit <= packed else {
            throw damaged("claims \(unpacked) bytes out of \(packed), more than deflation can yield")
        }
        (self.header, self.start, packedCount, count) = (header, start, packed, unpacked)
        (checksum, self.file) = (record.checksum, file)
    }

    /// All of it. Throws where it is larger than `limit`.
    package func contents(limit: Int) throws(DataError) -> [UInt8] {
        guard count <= limit else {
            throw DataError(
                .tooLarge, file: file.path, problem: "its zip entry \(DataError.quote(name)) has \(count) bytes",
                remedy: "give a file where it has at most \(limit)")
        }
        return try bytes(count)
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) {
        if isDeflated {
            try copy(into: buffer, at: offset, checking: true)
        } else if offset == 0, buffer.count == count {
            try file.read(into: buffer, at: start)
            try check(crc32_z(0, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count))
        } else {
            if !isChecked.load(ordering: .relaxed) {
                try copy(into: UnsafeMutableRawBufferPointer(start: nil, count: 0), at: 0, checking: true)
                isChecked.store(true, ordering: .relaxed)
            }
            try file.read(into: buffer, at: start + offset)
        }
    }

    /// The first bytes, at most `limit` of them, not held against the checksum.
    package func beginning(_ limit: Int) throws(DataError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(limit, count))
        var failure: DataError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(DataError) { try copy(into: buffer, at: 0, checking: false) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Copies the part of the content that the buffer is to hold.
    /// - Parameter checking: whether to go on to the end and compare the checksum.
    private func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, checking: Bool) throws(DataError) {
        var position = 0
        var sum = crc32_z(0, nil, 0)
        try pieces { piece throws(DataError) in
            let (first, last) = (max(position, offset), min(position + piece.count, offset + buffer.count))
            if first < last {
                UnsafeMutableRawBufferPointer(rebasing: buffer[(first - offset)..<(last - offset)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[(first - position)..<(last - position)]))
            }
            position += piece.count
            guard checking else { return position < offset + buffer.count }
            sum = crc32_z(sum, piece.baseAddress?.assumingMemoryBound(to: UInt8.self), piece.count)
            return true
        }
        if checking { try check(sum) }
    }

    private func check(_ sum: uLong) throws(DataError) {
        guard UInt32(truncatingIfNeeded: sum) == checksum else { throw damaged("does not match its checksum") }
    }

    private func damaged(_ problem: String) -> DataError {
        DataError(
            .damaged, file: file.path, problem: "its zip entry \(DataError.quote(name)) \(problem)",
            remedy: "fetch or write it again")
    }

    /// The content piece by piece, until its end or until `body` returns false.
    private func pieces(_ body: (UnsafeRawBufferPointer) throws(DataError) -> Bool) throws(DataError) {
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: min(Self.pieceSize, max(packedCount, 1)), alignment: 16)
        defer { input.deallocate() }
        var taken = 0
        func next() throws(DataError) -> UnsafeMutableRawBufferPointer {
            let piece = UnsafeMutableRawBufferPointer(rebasing: input[..<min(input.count, packedCount - taken)])
            try file.read(into: piece, at: start + taken)
            taken += piece.count
            return piece
        }
        guard isDeflated else {
            while taken < packedCount {
                guard try body(UnsafeRawBufferPointer(try next())) else { return }
            }
            return
        }
        var stream = z_stream()
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DataError(.unreadable, file: file.path, problem: "zlib cannot start", remedy: "free some memory")
        }
        defer { inflateEnd(&stream) }
        let capacity = min(Self.pieceSize, max(count, 1))
        let output = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        defer { output.deallocate() }
        var produced = 0
        while true {
            if stream.avail_in == 0, taken < packedCount {
                let piece = try next()
                stream.next_in = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_in = UInt32(piece.count)
            }
            stream.next_out = output
            stream.avail_out = UInt32(capacity)
            let status = inflate(&stream, Z_NO_FLUSH)
            guard status == Z_OK || status == Z_STREAM_END else {
                throw damaged(status == Z_BUF_ERROR ? "is cut short" : "does not inflate")
            }
            let size = capacity - Int(stream.avail_out)
            produced += size
            guard produced <= count else { throw damaged("inflates to more than the \(count) bytes it claims") }
            if size > 0, try !body(UnsafeRawBufferPointer(start: output, count: size)) { return }
            if status == Z_STREAM_END { break }
        }
        guard produced == count else { throw damaged("inflates to \(produced) bytes, not the \(count) it claims") }
    }
}
