import CZlib

/// gzip (RFC 1952) through zlib, with a bound on what comes out.
package struct Gzip {
    /// Whether the bytes begin as a gzip file does.
    package static func isGzip(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

    /// All of it inflated. Throws where it is cut short or corrupt, or once it exceeds `limit` bytes.
    package static func inflate(_ bytes: [UInt8], limit: Int, file: String) throws(DataError) -> [UInt8] {
        let stream = try InflateStream(bytes, file: file)
        var result: [UInt8] = []
        while true {
            let step = min(max(result.count, 1 << 16), limit + 1 - result.count)
            let chunk = try stream.read(step)
            result += chunk
            guard result.count <= limit else {
                throw DataError(
                    .tooLarge, file: file, problem: "inflates to more than \(limit) bytes",
                    remedy: "give a file that holds less, or check where it comes from")
            }
            if chunk.count < step { return result }
        }
    }
}

/// A gzip file (of one member or several) inflated piece by piece.
package final class InflateStream {
    private let bytes: [UInt8]
    private let file: String
    private var stream = z_stream()
    private var consumed = 0
    private var isAtEnd = false

    package init(_ bytes: [UInt8], file: String) throws(DataError) {
        self.bytes = bytes
        self.file = file
        guard Gzip.isGzip(bytes) else {
            throw DataError(
                .damaged, file: file, problem: "is not a gzip file", remedy: "give a gzip file, or name it without .gz")
        }
        let status = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            throw DataError(.unreadable, file: file, problem: "zlib cannot start (status \(status))", remedy: "free some memory")
        }
    }

    deinit { inflateEnd(&stream) }

    /// The next `count` bytes; fewer only at the end.
    package func read(_ count: Int) throws(DataError) -> [UInt8] {
        var failure: DataError?
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DataError) {
                initialized = try fill(buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Fills the buffer as far as there is content; how much there was.
    package func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>) throws(DataError) -> Int {
        var written = 0
        while written < buffer.count, !isAtEnd {
            written += try step(UnsafeMutableBufferPointer(rebasing: buffer[written...]))
        }
        return written
    }

    private func step(_ output: UnsafeMutableBufferPointer<UInt8>) throws(DataError) -> Int {
        let room = min(output.count, 1 << 30)
        let offered = min(bytes.count - consumed, 1 << 30)
        let status = bytes.withUnsafeBufferPointer { input in
            // zlib only reads from next_in; its type lacks the const.
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.advanced(by: consumed))
            stream.avail_in = UInt32(offered)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(room)
            return CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        consumed += offered - Int(stream.avail_in)
        let produced = room - Int(stream.avail_out)
        switch status {
        case Z_OK where produced > 0 || consumed < bytes.count: return produced
        case Z_OK, Z_BUF_ERROR:
            throw DataError(.damaged, file: file, problem: "is cut short within its compressed data", remedy: "fetch it again")
        case Z_STREAM_END:
            try startNextMember()
            return produced
        case Z_MEM_ERROR:
            throw DataError(.unreadable, file: file, problem: "zlib is out of memory", remedy: "free some memory")
        default:
            let reason = stream.msg.map { String(cString: $0) } ?? "status \(status)"
            throw DataError(.damaged, file: file, problem: "does not inflate (\(reason))", remedy: "fetch it again")
        }
    }

    /// After a member's end: another one, nothing but zeros (padding), or rubbish.
    private func startNextMember() throws(DataError) {
        let rest = bytes[consumed...]
        if Gzip.isGzip(rest) {
            inflateReset(&stream)
        } else if rest.allSatisfy({ $0 == 0 }) {
            isAtEnd = true
        } else {
            throw DataError(.damaged, file: file, problem: "has other bytes after its compressed data", remedy: "fetch it again")
        }
    }
}
