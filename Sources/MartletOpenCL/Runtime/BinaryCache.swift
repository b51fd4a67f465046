import CMartletOpenCL
import MartletCore
import MartletKernels

/// Built programs on disk, in the folder `opencl` of the user's cache. What cannot be read, is damaged or was written for
/// something else counts as absent; what cannot be written is not kept.
struct BinaryCache {
    /// A program's file name and what must stand in it.
    struct Key {
        let fileName: String
        let check: UInt64
    }

    /// What of a program is kept.
    enum Form {
        /// The driver's own binary.
        case executable
        /// The compiler's intermediate code (see `PoCLBitcode`). Asked for an executable, PoCL compiles every kernel of the
        /// program once more; the machine code it has in a cache of its own.
        case bitcode
    }

    /// Nil where nothing is to be gained.
    let form: Form?
    private let folder: CacheFolder?
    private let identity: String

    private static let magic: UInt64 = 0x324c_434f_544c_524d
    private static let prime: UInt64 = 0x100_0000_01b3

    init(properties: OpenCLProperties, folder: CacheFolder? = .user) {
        identity = properties.identity
        let isPoCL = properties.platformName == "Portable Computing Language"
        form = isPoCL ? (properties.kind == .cpu ? .bitcode : nil) : .executable
        self.folder = folder?.folder("opencl")
    }

    func key(source: String, options: String) -> Key {
        var text = identity + "\n" + options + "\n" + source
        let (name, check) = text.withUTF8 { bytes in
            var name: UInt64 = 0xcbf2_9ce4_8422_2325, check: UInt64 = 0x6c62_272e_07bb_0142
            for byte in bytes {
                name = (name ^ UInt64(byte)) &* BinaryCache.prime
                check = (check ^ UInt64(byte)) &* BinaryCache.prime
            }
            return (name, check)
        }
        return Key(fileName: String(name, radix: 16) + ".bin", check: check)
    }

    func load(_ key: Key) -> [UInt8]? {
        guard form != nil, let file = folder?.read(key.fileName, limit: 1 << 30), file.count >= 32 else { return nil }
        let header = file.withUnsafeBytes { bytes in (0..<4).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        }
        guard header[0] == BinaryCache.magic, header[1] == key.check, header[2] == UInt64(file.count - 32) else { return nil }
        let bytes = Array(file[32...])
        return BinaryCache.hash(bytes, seed: key.check) == header[3] ? bytes : nil
    }

    func store(_ binary: [UInt8], _ key: Key) {
        let header = [BinaryCache.magic, key.check, UInt64(binary.count), BinaryCache.hash(binary, seed: key.check)]
        folder?.write(header.withUnsafeBytes { Array($0) } + binary, to: key.fileName)
    }

    /// FNV-1a.
    static func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        bytes.withUnsafeBufferPointer { buffer in
            var hash = seed
            for byte in buffer { hash = (hash ^ UInt64(byte)) &* prime }
            return hash
        }
    }
}

/// PoCL's compiled but unlinked programs. To tell whether it knows a source PoCL preprocesses it, some 20 ms with OpenCL's own
/// headers; LLVM bitcode, which it takes as a program's binary too, it finds again by its bytes alone.
enum PoCLBitcode {
    /// Put before a program that is built `withoutHeader`.
    static let declarations = (Kernels.source("Builtins") ?? "") + "\n#line 1\n"

    /// The guard of the header of built-in functions, which PoCL reads before every program.
    static let withoutHeader = " -D _OPENCL_H_=1"

    /// The bitcode in the binary that PoCL gives of a program that was compiled and not linked: a container of files, each its
    /// name's length, name, length and bytes. Nil where it is not there.
    static func extract(from container: [UInt8]) -> [UInt8]? {
        let name = Array("program.bc".utf8)
        guard container.count > name.count + 8 else { return nil }
        for start in 0..<(container.count - name.count - 8)
        where container[start] == name[0] && container[start..<(start + name.count)].elementsEqual(name) {
            var position = start + name.count
            let length = (0..<4).reduce(0) { $0 | Int(container[position + $1]) << (8 * $1) }
            position += 4
            guard length >= 4, position + length <= container.count,
                container[position..<(position + 4)].elementsEqual([0x42, 0x43, 0xC0, 0xDE])
            else { return nil }
            return Array(container[position..<(position + length)])
        }
        return nil
    }
}
