import CMartletOpenCL
import Glibc

/// Built programs on disk, under `$XDG_CACHE_HOME/martlet/opencl` or `~/.cache/martlet/opencl`. What cannot be read,
/// is damaged or was written for something else counts as absent; what cannot be written is not kept.
struct BinaryCache {
    /// A program's file name and what must stand in it.
    struct Key {
        let fileName: String
        let check: UInt64
    }

    /// Nil where there is no home folder.
    private let folder: String?
    private let identity: String

    /// Whether keeping binaries pays. PoCL keeps its own, and asking it for one compiles every kernel of the program.
    let isUseful: Bool

    private static let magic: UInt64 = 0x314c_434f_544c_524d

    init(properties: OpenCLProperties) {
        identity = [
            properties.platformName, properties.platformVersion, properties.name, properties.driverVersion,
            properties.deviceVersion,
        ].joined(separator: "\n")
        isUseful = properties.platformName != "Portable Computing Language"
        if let path = getenv("XDG_CACHE_HOME").map({ String(cString: $0) }), path.hasPrefix("/") {
            folder = path + "/martlet/opencl"
        } else if let home = getenv("HOME").map({ String(cString: $0) }), home.hasPrefix("/") {
            folder = home + "/.cache/martlet/opencl"
        } else {
            folder = nil
        }
    }

    func key(source: String, options: String) -> Key {
        let text = Array((identity + "\n" + options + "\n" + source).utf8)
        let name = BinaryCache.hash(text, seed: 0xcbf2_9ce4_8422_2325)
        return Key(fileName: String(name, radix: 16) + ".bin", check: BinaryCache.hash(text, seed: 0x6c62_272e_07bb_0142))
    }

    func load(_ key: Key) -> [UInt8]? {
        guard isUseful, let folder, let file = fopen(folder + "/" + key.fileName, "rb") else { return nil }
        defer { fclose(file) }
        var header: [UInt64] = [0, 0, 0, 0]
        guard fread(&header, 8, 4, file) == 4, header[0] == BinaryCache.magic, header[1] == key.check, header[2] < 1 << 30 else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Int(header[2]))
        guard fread(&bytes, 1, bytes.count, file) == bytes.count, BinaryCache.hash(bytes, seed: key.check) == header[3] else {
            return nil
        }
        return bytes
    }

    func store(_ binary: [UInt8], _ key: Key) {
        guard let folder, BinaryCache.makeFolder(folder) else { return }
        let path = folder + "/" + key.fileName, temporary = path + ".\(getpid())"
        guard let file = fopen(temporary, "wb") else { return }
        let header = [BinaryCache.magic, key.check, UInt64(binary.count), BinaryCache.hash(binary, seed: key.check)]
        let isWritten = fwrite(header, 8, 4, file) == 4 && fwrite(binary, 1, binary.count, file) == binary.count
        if fclose(file) != 0 || !isWritten || rename(temporary, path) != 0 { unlink(temporary) }
    }

    private static func makeFolder(_ path: String) -> Bool {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o755) != 0, errno != EEXIST { return false }
        }
        return true
    }

    /// FNV-1a.
    private static func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        var hash = seed
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
