/// PyTorch's weight files before 1.6: five pickles one after another (a magic number, the version, the machine's kind, the state
/// dict, the storages' keys), then each storage: how many values, and the values.
enum TorchLegacyFile {
    private static let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    private static let version = 1001

    /// Whether a file begins with the magic number, behind what its pickle's protocol puts before it.
    static func isRecognized(_ beginning: [UInt8]) -> Bool {
        beginning.first == 0x80 && beginning.indices.prefix(24).contains { beginning[$0...].starts(with: magic) }
    }

    static func read(_ file: InputFile) throws(DataError) -> WeightFile {
        let head = try file.bytes(min(file.size, PickleReader.sizeLimit))
        var position = 0
        func pickle(_ part: String) throws(DataError) -> (PickleReader, PickleValue) {
            var reader = PickleReader(head, from: position, file: file.path, part: part)
            let value = try reader.run()
            position = reader.position
            return (reader, value)
        }
        func damaged(_ problem: String) -> DataError {
            DataError(.damaged, file: file.path, problem: problem, remedy: "fetch or write it again")
        }
        _ = try pickle("its magic number")
        guard case .integer(version) = try pickle("its version").1 else { throw damaged("is of another version than \(version)") }
        let (machine, properties) = try pickle("its machine's kind")
        guard case .dictionary(let object) = properties else { throw damaged("does not say what machine wrote it") }
        let pairs = machine.contents(object)
        for index in stride(from: 0, to: pairs.count, by: 2) {
            if case .text("little_endian") = pairs[index], case .bool(false) = pairs[index + 1] {
                throw DataError(
                    .unsupported, file: file.path, problem: "stores its values in big-endian order",
                    remedy: "save it on a little-endian machine")
            }
        }
        let (reader, root) = try pickle("its state dict's pickle")
        let state = try TorchStateDict(root, in: reader, file: file.path)
        let (names, list) = try pickle("its list of storages")
        guard case .list(let keys) = list else { throw damaged("has no list of storages") }
        var sources: [Int: any StoredBytes] = [:]
        for key in names.contents(keys) {
            guard case .text(let key) = key, let number = reader.storageNumbers[key], sources[number] == nil else {
                throw damaged("its list of storages has an entry that is none, or two alike")
            }
            let storage = reader.storages[number]
            guard position <= file.size - 8 else { throw damaged("ends before the storage \(DataError.quote(key))") }
            let count = LittleEndian(bytes: try file.bytes(8, at: position)).integer(8, at: 0)
            guard count == storage.count else {
                throw damaged("its storage \(DataError.quote(key)) is not of the \(storage.count) values that its pickle says")
            }
            position += 8
            guard storage.byteCount <= file.size - position else {
                throw damaged("ends at byte \(file.size), within the storage \(DataError.quote(key))")
            }
            sources[number] = FileBytes(file, from: position, count: storage.byteCount)
            position += storage.byteCount
        }
        guard position == file.size else { throw damaged("\(file.size - position) bytes at the end belong to no storage") }
        for (name, tensor) in state.tensors where sources[tensor.storage] == nil {
            throw damaged("lacks the storage of \(DataError.quote(name))")
        }
        return WeightFile(
            path: file.path, format: .torchLegacy,
            entries: state.tensors.compactMap { StoredTensor($0, in: sources, path: file.path) }, notes: state.notes)
    }
}
