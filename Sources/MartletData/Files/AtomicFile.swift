import Foundation
import Synchronization

/// Files that are there whole or not at all: written under another name in the same folder, flushed to the disk, then renamed.
/// Whatever goes wrong, an earlier file of the name stays as it was.
public enum AtomicFile {
    /// Replaces the file at `path`. Throws where the folder is missing or closed, or the disk is full.
    public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(DataError) {
        let bytes = Array(bytes)
        try write(to: path) { writer throws(DataError) in
            try bytes.withUnsafeBytesTyped { buffer throws(DataError) in try writer.write(buffer) }
        }
    }

    /// Replaces the file at `path` by what `body` writes; where it throws, nothing changes.
    package static func write(to path: String, _ body: (borrowing AtomicFileWriter) throws(DataError) -> Void) throws(DataError) {
        let target = resolved(path)
        let writer = try AtomicFileWriter(replacing: target, named: path)
        try body(writer)
        try writer.commit()
    }

    /// Removes what processes that were killed while they wrote left behind in a folder, where this one is writing nothing. A
    /// process on another machine counts as gone: what it is writing fails then, and the file before stays.
    package static func removeUnfinished(in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard let writer = AtomicFileWriter.process(ofTemporary: name) else { continue }
            let isWriting = writer != getpid() && (kill(writer, 0) == 0 || errno == EPERM)
            if !isWriting { unlink(folder + "/" + name) }
        }
    }

    /// The file itself where `path` is a symbolic link, so that the link stays.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}

/// The temporary file of an atomic write; removed unless it is committed.
package struct AtomicFileWriter: ~Copyable {
    private static let serial = Atomic<UInt64>(0)
    private let name: String
    private let target: String
    private let folder: String
    private let temporary: String
    private let descriptor: Int32

    fileprivate init(replacing target: String, named name: String) throws(DataError) {
        let url = URL(fileURLWithPath: target)
        let serial = AtomicFileWriter.serial.wrappingAdd(1, ordering: .relaxed).newValue
        let folder = url.deletingLastPathComponent().path
        let temporary = "\(folder)/.\(url.lastPathComponent.prefix(100)).\(getpid())-\(serial).tmp"
        var status = stat()
        if stat(target, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw DataError(.unwritable, file: name, problem: "exists and is not a file", remedy: "give the path of a file")
        }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw AtomicFileWriter.failure(errno, name) }
        self.name = name
        self.target = target
        self.folder = folder
        self.temporary = temporary
        self.descriptor = descriptor
    }

    /// The process that writes, or wrote, a file of this name; nil where it is no temporary file of ours.
    fileprivate static func process(ofTemporary name: String) -> pid_t? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].isEmpty, parts[parts.count - 1] == "tmp" else { return nil }
        let numbers = parts[parts.count - 2].split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2, UInt64(numbers[1]) != nil, let process = pid_t(numbers[0]), process > 0 else { return nil }
        return process
    }

    deinit {
        close(descriptor)
        // After a commit there is nothing of this name any more.
        unlink(temporary)
    }

    /// Appends bytes.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
        var written = 0
        while written < bytes.count {
            let count = Foundation.write(descriptor, bytes.baseAddress! + written, min(bytes.count - written, 1 << 30))
            if count < 0 {
                if errno == EINTR { continue }
                throw AtomicFileWriter.failure(errno, name)
            }
            written += count
        }
    }

    fileprivate func commit() throws(DataError) {
        guard fsync(descriptor) == 0, rename(temporary, target) == 0 else { throw AtomicFileWriter.failure(errno, name) }
        let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        defer { close(parent) }
        // Some file systems cannot flush a folder (EINVAL); the rename itself is done.
        guard fsync(parent) == 0 || errno == EINVAL else { throw AtomicFileWriter.failure(errno, name) }
    }

    private static func failure(_ code: Int32, _ path: String) -> DataError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG:
            return DataError(
                .diskFull, file: path, problem: "cannot be written: \(String(cString: strerror(code)).lowercased())",
                remedy: "free some space; an earlier file of this name is unchanged")
        case ENOENT, ENOTDIR:
            return DataError(.unwritable, file: path, problem: "its folder does not exist", remedy: "create the folder first")
        case EACCES, EPERM, EROFS:
            return DataError(
                .unwritable, file: path, problem: "its folder may not be written to", remedy: "choose another folder")
        default:
            return DataError(
                .unwritable, file: path, problem: "cannot be written (\(String(cString: strerror(code))))",
                remedy: "check the disk and the path")
        }
    }
}

extension Array {
    /// `withUnsafeBytes` with a typed error.
    package func withUnsafeBytesTyped(_ body: (UnsafeRawBufferPointer) throws(DataError) -> Void) throws(DataError) {
        var failure: DataError?
        withUnsafeBytes { buffer in
            do throws(DataError) { try body(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
