extension TorchArchive {
    private static let folder = "archive/"
    /// PyTorch maps storages, and wants them to begin where any type may.
    private static let alignment = 64

    /// Writes tensors as `torch.save` would, for `torch.load` with `weights_only=True`: a dictionary of them in a zip archive.
    static func write(_ tensors: [TensorToStore], to path: String) throws(DataError) {
        try AtomicFile.write(to: path) { writer throws(DataError) in
            var archive = ZipWriter()
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            for (name, head) in [("data.pkl", pickle(of: tensors)), ("byteorder", Array("little".utf8))] {
                try archive.add(folder + name, head: head, body: nothing, alignment: alignment, to: writer)
            }
            for (number, tensor) in tensors.enumerated() {
                try tensor.withBytes { bytes throws(DataError) in
                    try archive.add("\(folder)data/\(number)", head: [], body: bytes, alignment: alignment, to: writer)
                }
            }
            try archive.add(folder + "version", head: Array("3\n".utf8), body: nothing, alignment: alignment, to: writer)
            try archive.finish(to: writer)
        }
    }

    private static func pickle(of tensors: [TensorToStore]) -> [UInt8] {
        var pickle = PickleWriter()
        pickle.dictionary {
            for (number, tensor) in tensors.enumerated() {
                $0.text(tensor.name)
                $0.tensor(tensor, storage: number)
            }
        }
        return pickle.finished()
    }
}

/// Writes the few instructions of the pickle language that a state dict takes, in protocol 2.
private struct PickleWriter {
    private var bytes: [UInt8] = [0x80, 2]

    func finished() -> [UInt8] { bytes + [UInt8(ascii: ".")] }

    private mutating func put(_ code: Character) { bytes.append(code.asciiValue ?? 0) }

    private mutating func number(_ value: Int, _ size: Int) {
        for byte in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }

    mutating func text(_ text: String) {
        put("X")
        number(text.utf8.count, 4)
        bytes += text.utf8
    }

    private mutating func integer(_ value: Int) {
        if value < 1 << 31 {
            put("J")
            number(value, 4)
        } else {
            bytes += [0x8A, 8]
            number(value, 8)
        }
    }

    private mutating func global(_ module: String, _ name: String) { bytes += Array("c\(module)\n\(name)\n".utf8) }

    private mutating func tuple(_ body: (inout PickleWriter) -> Void) {
        put("(")
        body(&self)
        put("t")
    }

    private mutating func emptyDictionary() {
        global("collections", "OrderedDict")
        put(")")
        put("R")
    }

    mutating func dictionary(_ items: (inout PickleWriter) -> Void) {
        emptyDictionary()
        put("(")
        items(&self)
        put("u")
    }

    /// The call that makes a contiguous tensor of a storage. Types that PyTorch has no typed storage for are given beside.
    mutating func tensor(_ tensor: TensorToStore, storage: Int) {
        let type = tensor.values.type
        let storageName = TorchGlobal.storages.first { $0.value == type }?.key
        global("torch._utils", storageName == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
        tuple {
            $0.tuple {
                $0.text("storage")
                if let storageName { $0.global("torch", storageName) } else { $0.global("torch.storage", "UntypedStorage") }
                $0.text(String(storage))
                $0.text("cpu")
                $0.integer(storageName == nil ? tensor.byteCount : tensor.values.count)
            }
            $0.put("Q")
            $0.integer(0)
            $0.tuple { for extent in tensor.shape { $0.integer(extent) } }
            $0.tuple { for step in Self.strides(tensor.shape) { $0.integer(step) } }
            $0.bytes.append(0x89)
            $0.emptyDictionary()
            if storageName == nil, let name = TorchGlobal.types.first(where: { $0.value == type })?.key {
                $0.global("torch", name)
            }
        }
        put("R")
    }

    private static func strides(_ shape: [Int]) -> [Int] {
        var next = 1
        return shape.reversed().map { extent in
            defer { next *= max(extent, 1) }
            return next
        }.reversed()
    }
}
