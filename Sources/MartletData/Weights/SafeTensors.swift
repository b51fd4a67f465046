/// A weight file in the safetensors format: eight bytes with the length of a JSON header, the header, then the values. Opening it
/// reads the header only, and checks that every tensor lies within the file and that they fill it without gap or overlap.
public struct SafeTensors: Sendable {
    /// The tensors, in the order of their values in the file.
    public let entries: [StoredTensor]
    /// The free text beside them.
    public let metadata: [String: String]
    public let path: String

    /// The longest header accepted, as in the reference implementation.
    static let headerLimit = 100_000_000

    /// Opens a file. Throws where it is missing, cut short or damaged.
    public static func read(_ path: String) throws(DataError) -> SafeTensors {
        let file = try InputFile(path)
        func damaged(_ problem: String) -> DataError {
            DataError(.damaged, file: path, problem: problem, remedy: "give a whole safetensors file")
        }
        guard file.size >= 10 else { throw damaged("has \(file.size) bytes, too few for a safetensors file") }
        let length = try file.bytes(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length >= 2, length <= headerLimit else { throw damaged("does not begin with the length of a header") }
        guard Int(length) <= file.size - 8 else {
            throw damaged("ends within its header of \(length) bytes")
        }
        let json = try file.bytes(Int(length), at: 8)
        guard json.first == UInt8(ascii: "{") else { throw damaged("does not begin with a JSON header") }
        let header = try SafeTensorsHeader.parse(json, damaged: damaged)
        let start = 8 + Int(length)
        let size = file.size - start
        var end = 0
        for tensor in header.tensors {
            guard tensor.begin >= end else { throw damaged("the tensor \(DataError.quote(tensor.name)) overlaps another") }
            guard tensor.begin == end else {
                throw damaged("\(tensor.begin - end) bytes before \(DataError.quote(tensor.name)) belong to no tensor")
            }
            guard tensor.end <= size else {
                throw damaged("ends at byte \(file.size), within the tensor \(DataError.quote(tensor.name))")
            }
            end = tensor.end
        }
        guard end == size else { throw damaged("\(size - end) bytes at the end belong to no tensor") }
        let entries = header.tensors.map {
            StoredTensor(
                name: $0.name, type: $0.type, shape: $0.shape, source: FileBytes(file, from: start, count: size),
                offset: $0.begin,
                path: path)
        }
        return SafeTensors(entries: entries, metadata: header.metadata, path: path)
    }

    /// The tensor of this name.
    public subscript(name: String) -> StoredTensor? { entries.first { $0.name == name } }
}
