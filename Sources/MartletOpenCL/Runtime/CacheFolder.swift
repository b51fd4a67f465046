import Glibc

/// The user's cache folder, `$XDG_CACHE_HOME/martlet` or `~/.cache/martlet`, or a folder in it. A file is written whole or not
/// at all; what cannot be read counts as absent.
package struct CacheFolder: Sendable {
    package let path: String

    /// The user's own; nil where there is no home folder.
    package static let user: CacheFolder? = {
        func folder(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if let caches = folder("XDG_CACHE_HOME") { return CacheFolder(caches + "/martlet") }
        return folder("HOME").map { CacheFolder($0 + "/.cache/martlet") }
    }()

    package init(_ path: String) { self.path = path }

    package func folder(_ name: String) -> CacheFolder { CacheFolder(path + "/" + name) }

    /// A file's bytes; nil where there is no such file, or it has more than `limit` bytes.
    func read(_ name: String, limit: Int) -> [UInt8]? {
        let descriptor = open(path + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size)), used = 0
        while used < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + used, $0.count - used) }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            used += got
        }
        return bytes
    }

    /// Writes a file and the folders it needs; false, with `errno` set and nothing changed, where that fails.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String) -> Bool {
        guard make() else { return false }
        let target = path + "/" + name, temporary = target + ".\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        var used = 0
        while used < bytes.count {
            let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + used, $0.count - used) }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { break }
            used += put
        }
        var failure = used < bytes.count ? errno : 0
        if close(descriptor) != 0, failure == 0 { failure = errno }
        if failure == 0, rename(temporary, target) == 0 { return true }
        if failure == 0 { failure = errno }
        unlink(temporary)
        errno = failure
        return false
    }

    /// Renames a file within the folder; false where there is none or it may not be.
    func move(_ name: String, to other: String) -> Bool { rename(path + "/" + name, path + "/" + other) == 0 }

    /// Makes the folder and those above it.
    func make() -> Bool {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o755) != 0, errno != EEXIST, errno != EROFS, errno != EACCES { return false }
        }
        return true
    }
}
