import Foundation

/// A regular file open for reading anywhere in it. Reads copy (`pread`) rather than map: a mapped file that another program cuts
/// short kills the process at the next access, a read reports it.
package final class InputFile: Sendable {
    package let path: String
    /// Bytes in the file when it was opened.
    package let size: Int
    private let descriptor: Int32

    /// Opens it. Throws where it is missing, unreadable, or something else than a file.
    package init(_ path: String) throws(DataError) {
        // Without blocking, so that opening a pipe that nobody writes to comes back.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw InputFile.failure(errno, path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw InputFile.failure(code, path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a device or pipe"
            throw DataError(.unreadable, file: path, problem: "is \(kind)", remedy: "give a file")
        }
        self.path = path
        self.size = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Fills the buffer from `offset` on. Throws where the file ends before.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) {
        var filled = 0
        while filled < buffer.count {
            let piece = min(buffer.count - filled, 1 << 30)
            let count = pread(descriptor, buffer.baseAddress! + filled, piece, off_t(offset + filled))
            if count < 0 {
                if errno == EINTR { continue }
                throw InputFile.failure(errno, path)
            }
            guard count > 0 else {
                throw DataError(
                    .damaged, file: path, problem: "ends at byte \(offset + filled), where more was expected",
                    remedy: "fetch or write it again")
            }
            filled += count
        }
    }

    /// `count` bytes from `offset` on.
    package func bytes(_ count: Int, at offset: Int = 0) throws(DataError) -> [UInt8] {
        var failure: DataError?
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DataError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// The whole file. Throws where it exceeds `limit` bytes.
    package static func contents(_ path: String, limit: Int) throws(DataError) -> [UInt8] {
        let file = try InputFile(path)
        guard file.size <= limit else {
            throw DataError(.tooLarge, file: path, problem: "has \(file.size) bytes", remedy: "give a file of at most \(limit)")
        }
        return try file.bytes(file.size)
    }

    /// The error for a failed system call on an input.
    package static func failure(_ code: Int32, _ path: String) -> DataError {
        switch code {
        case ENOENT, ENOTDIR:
            return DataError(.missing, file: path, problem: "does not exist", remedy: "give the path of a file that does")
        case EACCES, EPERM:
            return DataError(
                .unreadable, file: path, problem: "may not be read", remedy: "change its permissions or run as its owner")
        default:
            return DataError(
                .unreadable, file: path, problem: "cannot be read (\(String(cString: strerror(code))))",
                remedy: "check the disk and the path")
        }
    }
}
