/// numpy's files: one array (`.npy`), or a zip archive of arrays by name (`.npz`).
enum NumpyArchive {
    /// One array, called `arr_0` as numpy calls arrays without a name.
    static func read(array file: InputFile) throws(DataError) -> WeightFile {
        let header = try NumpyHeader.parse(
            try file.bytes(min(file.size, NumpyHeader.limit)), file: file.path, part: "the array")
        let tensor = try tensor("arr_0", header, FileBytes(file, from: 0, count: file.size), path: file.path, part: "the array")
        return WeightFile(path: file.path, format: .numpy, entries: [tensor])
    }

    static func read(_ archive: ZipArchive, path: String) throws(DataError) -> WeightFile {
        guard archive.entries.contains(where: { $0.name.hasSuffix(".npy") }) || archive.entries.isEmpty else {
            throw DataError(
                .unsupported, file: path, problem: "is a zip archive without weights of PyTorch's or numpy's",
                remedy: "give \(WeightFile.formats)")
        }
        var entries: [StoredTensor] = []
        var notes: [String] = []
        for entry in archive.entries {
            guard entry.name.hasSuffix(".npy") else {
                notes.append("leaves out \(DataError.quote(entry.name)), which is no array")
                continue
            }
            let part = "the array \(DataError.quote(entry.name))"
            let header = try NumpyHeader.parse(try entry.beginning(NumpyHeader.limit), file: path, part: part)
            entries.append(try tensor(String(entry.name.dropLast(4)), header, entry, path: path, part: part))
        }
        return WeightFile(path: path, format: .numpyArchive, entries: entries, notes: notes)
    }

    private static func tensor(
        _ name: String, _ header: NumpyHeader, _ source: any StoredBytes, path: String, part: String
    ) throws(DataError) -> StoredTensor {
        let bytes = SafeTensorsHeader.byteCount(header.shape, type: header.type) ?? 0
        guard source.count - header.size == bytes else {
            throw DataError(
                .damaged, file: path,
                problem:
                    "\(part) has \(source.count - header.size) bytes of values, where its shape \(header.shape) takes \(bytes)",
                remedy: "write it again with numpy.save or numpy.savez")
        }
        return StoredTensor(
            name: name, type: header.type, shape: header.shape, strides: header.strides, source: source, offset: header.size,
            path: path)
    }
}
