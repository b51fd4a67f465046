/// PyTorch's weight files since 1.6: a zip archive with a pickle, `NAME/data.pkl`, that says which tensors there are, and an entry
/// `NAME/data/KEY` of raw values for each storage.
enum TorchArchive {
    /// The entry of the pickle, where the archive is PyTorch's.
    static func pickle(in archive: ZipArchive) -> ZipEntry? {
        archive.entries.first {
            $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") && $0.name.split(separator: "/").count == 2
        }
    }

    static func read(_ archive: ZipArchive, _ pickle: ZipEntry, path: String) throws(DataError) -> WeightFile {
        let folder = String(pickle.name.dropLast("data.pkl".count))
        if archive[folder + "constants.pkl"] != nil {
            throw DataError(
                .unsupported, file: path, problem: "is a TorchScript program, not only weights",
                remedy: "load it in PyTorch and save its state_dict()")
        }
        if let order = archive[folder + "byteorder"] {
            let text = String(decoding: try order.contents(limit: 64), as: UTF8.self)
            guard text == "little" else {
                throw DataError(
                    .unsupported, file: path, problem: "stores its values in the byte order \(DataError.quote(text))",
                    remedy: "save it on a little-endian machine")
            }
        }
        var reader = PickleReader(try pickle.contents(limit: PickleReader.sizeLimit), file: path, part: pickle.name)
        let state = try TorchStateDict(try reader.run(), in: reader, file: path)
        var sources: [Int: any StoredBytes] = [:]
        for (_, tensor) in state.tensors where sources[tensor.storage] == nil {
            let storage = reader.storages[tensor.storage]
            guard let entry = archive["\(folder)data/\(storage.key)"] else {
                throw DataError(
                    .damaged, file: path,
                    problem: "lacks the entry \(DataError.quote("\(folder)data/\(storage.key)")) that its pickle names",
                    remedy: "fetch or write it again")
            }
            guard entry.count == storage.byteCount else {
                throw DataError(
                    .damaged, file: path,
                    problem:
                        "its entry \(DataError.quote(entry.name)) has \(entry.count) bytes, where its pickle says \(storage.byteCount)",
                    remedy: "fetch or write it again")
            }
            sources[tensor.storage] = entry
        }
        return WeightFile(
            path: path, format: .torch, entries: state.tensors.compactMap { StoredTensor($0, in: sources, path: path) },
            notes: state.notes)
    }
}

extension StoredTensor {
    /// A tensor of a pickle, from its storage's bytes.
    init?(_ entry: (name: String, tensor: TorchTensor), in sources: [Int: any StoredBytes], path: String) {
        guard let source = sources[entry.tensor.storage] else { return nil }
        self.init(
            name: entry.name, type: entry.tensor.type, shape: entry.tensor.shape, strides: entry.tensor.strides, source: source,
            offset: entry.tensor.offset * entry.tensor.type.size, path: path)
    }
}
