/// A file of named tensors in any of the formats that are read, told by what it holds, not by its name. Opening it reads what the file
/// says of its tensors and checks that they lie within it; values are read when they are asked for, by `pread` rather than a map,
/// since a mapped file that another program cuts short kills the process, and a map would save nothing: values are copied once
/// either way, to where they are used.
public struct WeightFile: Sendable {
    public enum Format: String, Sendable {
        case safetensors = "safetensors"
        case torch = "PyTorch"
        case torchLegacy = "PyTorch before 1.6"
        case numpyArchive = "npz"
        case numpy = "npy"
    }

    public let path: String
    public let format: Format
    /// The tensors, in the file's order.
    public let entries: [StoredTensor]
    /// The free text beside them, which only safetensors has.
    public let metadata: [String: String]
    /// What was taken out of a larger whole, and what was left there; for people.
    public let notes: [String]

    init(path: String, format: Format, entries: [StoredTensor], metadata: [String: String] = [:], notes: [String] = []) {
        self.path = path
        self.format = format
        self.entries = entries
        self.metadata = metadata
        self.notes = notes
    }

    public init(_ file: SafeTensors) {
        self.init(path: file.path, format: .safetensors, entries: file.entries, metadata: file.metadata)
    }

    /// What is read, for messages.
    public static let formats = ".safetensors, PyTorch's .pth and .pt, .npz or .npy"

    /// Opens a file. Throws where it is missing, damaged or none of the formats.
    public static func read(_ path: String) throws(DataError) -> WeightFile {
        let file = try InputFile(path)
        let beginning = try file.bytes(min(file.size, 512))
        // Their first byte is one of a length, and may be any other format's.
        if beginning.count > 8, beginning[8] == UInt8(ascii: "{") { return WeightFile(try SafeTensors.read(path)) }
        if beginning.starts(with: [0x50, 0x4B, 3, 4]) || beginning.starts(with: [0x50, 0x4B, 5, 6]) {
            let archive = try ZipArchive(file)
            if let pickle = TorchArchive.pickle(in: archive) { return try TorchArchive.read(archive, pickle, path: path) }
            return try NumpyArchive.read(archive, path: path)
        }
        if beginning.starts(with: NumpyHeader.magic) { return try NumpyArchive.read(array: file) }
        if TorchLegacyFile.isRecognized(beginning) { return try TorchLegacyFile.read(file) }
        if let other = Self.otherFormat(beginning) {
            throw DataError(.unsupported, file: path, problem: "is \(other.name)", remedy: other.remedy)
        }
        return WeightFile(try SafeTensors.read(path))
    }

    /// The tensor of this name.
    public subscript(name: String) -> StoredTensor? { entries.first { $0.name == name } }

    /// Files that are taken for weights, and what to do with each.
    private static func otherFormat(_ beginning: [UInt8]) -> (name: String, remedy: String)? {
        if beginning.count > 262, beginning[257..<262].elementsEqual("ustar".utf8) {
            return ("a tar archive, as PyTorch wrote before 0.1.10", "load it in PyTorch and save its state_dict()")
        }
        let others: [(start: [UInt8], name: String, remedy: String)] = [
            ([0x80], "a pickle that is no PyTorch file", "save a state_dict() with torch.save, or arrays with numpy.savez"),
            ([0x1F, 0x8B], "compressed by gzip", "unpack it by gunzip"),
            (Array("\u{89}HDF".utf8), "an HDF5 file", "save the arrays with numpy.savez"),
            ([0x89, 0x48, 0x44, 0x46], "an HDF5 file", "save the arrays with numpy.savez"),
            (Array("GGUF".utf8), "a GGUF file", "give the weights as .safetensors"),
            (Array("version https://git-lfs".utf8), "a placeholder of git-lfs", "fetch the file itself by git lfs pull"),
            (Array("<".utf8), "a web page", "fetch the file itself"),
        ]
        return others.first { beginning.starts(with: $0.start) }.map { ($0.name, $0.remedy) }
    }
}
