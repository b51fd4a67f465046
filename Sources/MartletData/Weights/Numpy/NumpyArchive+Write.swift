extension NumpyArchive {
    /// Writes tensors as `numpy.savez` would, an array of each name. Throws where numpy has no such type.
    static func write(_ tensors: [TensorToStore], to path: String) throws(DataError) {
        for tensor in tensors where NumpyHeader.types.values.contains(tensor.values.type) == false {
            throw DataError(
                .unsupported, file: path,
                problem:
                    "the tensor \(DataError.quote(tensor.name)) is of type \(tensor.values.type.rawValue), which numpy lacks",
                remedy: "write .safetensors or .pth")
        }
        try AtomicFile.write(to: path) { writer throws(DataError) in
            var archive = ZipWriter()
            for tensor in tensors {
                let header = NumpyHeader.bytes(tensor.values.type, tensor.shape)
                try tensor.withBytes { bytes throws(DataError) in
                    try archive.add(tensor.name + ".npy", head: header, body: bytes, to: writer)
                }
            }
            try archive.finish(to: writer)
        }
    }
}

extension NumpyHeader {
    /// The header of a row-major array, in version 1 (2 where it is long), padded so that the values begin at a multiple of 64 bytes.
    static func bytes(_ type: StoredType, _ shape: [Int]) -> [UInt8] {
        let name = types.first { $0.value == type }?.key ?? ""
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(type.size == 1 ? "|" : "<")\(name)', 'fortran_order': False, 'shape': (\(extents)), }"
        let isLong = text.utf8.count + 75 > 0xFFFF
        let start = isLong ? 12 : 10
        let padding = (64 - (start + text.utf8.count + 1) % 64) % 64
        let length = text.utf8.count + padding + 1
        let lengthBytes = (0..<(start - 8)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
        return magic + [isLong ? 2 : 1, 0] + lengthBytes + Array(text.utf8) + [UInt8](repeating: 0x20, count: padding) + [0x0A]
    }
}
