extension WeightFile {
    /// Writes tensors in the format that the path's ending names, atomically: where it fails, an earlier file stays as it was. The same
    /// tensors and metadata give the same bytes.
    /// - Parameter metadata: free text beside the tensors, which only safetensors keeps.
    public static func write(_ tensors: [TensorToStore], metadata: [String: String] = [:], to path: String) throws(DataError) {
        guard let format = writtenFormat(of: path) else {
            throw DataError(
                .setting, file: path, problem: "its ending names no format of weights", remedy: "give \(writtenEndings)")
        }
        let reserved = SafeTensorsHeader.metadataKey
        for tensor in tensors where tensor.name == reserved && format == .safetensors || tensor.name.utf8.count > 60_000 {
            throw DataError(
                .unsupported, file: path, problem: "a tensor called \(DataError.quote(tensor.name)) cannot be stored there",
                remedy: "give it another name")
        }
        switch format {
        case .safetensors: try SafeTensors.write(tensors, metadata: metadata, to: path)
        case .numpyArchive: try NumpyArchive.write(tensors, to: path)
        default: try TorchArchive.write(tensors, to: path)
        }
    }

    /// The endings of files that are written, for messages.
    public static let writtenEndings = "a path that ends in .safetensors, .npz, .pth or .pt"

    /// The format that a path's ending names; nil where it names none that is written.
    public static func writtenFormat(of path: String) -> Format? {
        let path = path.lowercased()
        if path.hasSuffix(".safetensors") { return .safetensors }
        if path.hasSuffix(".npz") { return .numpyArchive }
        return path.hasSuffix(".pth") || path.hasSuffix(".pt") ? .torch : nil
    }
}
