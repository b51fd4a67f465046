/// What the names that are let in stand for.
extension PickleReader {
    func global(_ module: String, _ name: String) throws(DataError) -> PickleValue {
        if let known = TorchGlobal.named(module, name) { return .global(known) }
        if let reason = TorchGlobal.reason(module, name) { throw unsupported("holds \(reason) (\(module).\(name))") }
        throw unsupported(
            "names \(DataError.quote("\(module).\(name)")), which is no part of a state dict and is not run",
            remedy: "save the model's state_dict() alone, or fetch the file from a source you trust")
    }

    /// The value that a call of a class or function stands for.
    mutating func rebuild(_ callee: PickleValue, _ arguments: [PickleValue]) throws(DataError) -> PickleValue {
        guard case .global(let global) = callee else { throw unsupported("calls \(callee.kind)") }
        switch global {
        case .orderedDictionary: return .dictionary(add(try items(arguments)))
        case .tensor(let version): return try tensor(version, arguments)
        case .parameter:
            guard case .tensor(let number)? = arguments.first else { throw damaged("makes a parameter without a tensor") }
            return .tensor(number)
        case .size:
            guard arguments.count == 1, case .tuple(let object) = arguments[0] else {
                throw damaged("makes a size without extents")
            }
            return .tuple(object)
        case .device: return .none
        case .type, .storage, .untypedStorage: throw unsupported("calls a type")
        }
    }

    /// The keys and values that an OrderedDict begins with: none, or a list of pairs.
    private mutating func items(_ arguments: [PickleValue]) throws(DataError) -> [PickleValue] {
        guard let first = arguments.first else { return [] }
        guard arguments.count == 1, case .list(let list) = first else { throw damaged("makes an OrderedDict from \(first.kind)") }
        // Each pair took bytes to write; a list that is used over and over would make more of them.
        copied += contents(list).count
        guard copied <= bytes.count else { throw damaged("repeats the items of a dictionary") }
        var result: [PickleValue] = []
        for pair in contents(list) {
            switch pair {
            case .list(let object), .tuple(let object):
                guard contents(object).count == 2 else { throw damaged("makes an OrderedDict from other things than pairs") }
                result += contents(object)
            default: throw damaged("makes an OrderedDict from other things than pairs")
            }
        }
        return result
    }

    /// A tensor from (storage, offset, shape, strides, ...); version 3 has its type at the seventh place.
    private mutating func tensor(_ version: Int, _ arguments: [PickleValue]) throws(DataError) -> PickleValue {
        guard arguments.count >= (version == 3 ? 7 : 4), case .storage(let number) = arguments[0],
            case .integer(let offset) = arguments[1]
        else { throw damaged("makes a tensor without a storage") }
        let shape = try extents(arguments[2]), strides = try extents(arguments[3])
        let storage = storages[number]
        var type = storage.type
        if version == 3 {
            guard case .global(.type(let given)) = arguments[6], type == nil || type == given else {
                throw damaged("makes a tensor without a type")
            }
            type = given
        }
        guard let type else { throw damaged("makes a tensor of a storage without a type") }
        guard shape.count == strides.count, offset >= 0 else {
            throw damaged("makes a tensor of shape \(shape.prefix(16)) with the strides \(strides.prefix(16))")
        }
        let quoted = "a tensor of shape \(shape) with the strides \(strides) from \(offset) on"
        let available = storage.byteCount / type.size
        guard let count = SafeTensorsHeader.byteCount(shape, type: .uint8), let end = Self.end(offset, shape, strides),
            count == 0 || end <= available
        else { throw damaged("makes \(quoted), where its storage has \(available) values") }
        // An expanded tensor repeats its storage; one that repeats it without bounds is a trap.
        guard count <= max(available, 1 << 20) else {
            throw unsupported("makes \(quoted), where its storage has \(available) values", remedy: "save it contiguous")
        }
        tensors.append(TorchTensor(storage: number, type: type, offset: offset, shape: shape, strides: strides))
        return .tensor(tensors.count - 1)
    }

    private func extents(_ value: PickleValue) throws(DataError) -> [Int] {
        let elements = try elements(value, "a shape")
        guard elements.count <= 64 else { throw damaged("makes a tensor of \(elements.count) axes") }
        var result: [Int] = []
        for element in elements {
            guard case .integer(let extent) = element, extent >= 0 else {
                throw damaged("makes a tensor with the extent of \(element.kind)")
            }
            result.append(extent)
        }
        return result
    }

    /// One past the last value that a view reaches; nil where that overflows.
    private static func end(_ offset: Int, _ shape: [Int], _ strides: [Int]) -> Int? {
        var last = offset
        for (extent, stride) in zip(shape, strides) {
            let (reach, overflow) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
            let (sum, beyond) = last.addingReportingOverflow(reach)
            if overflow || beyond { return nil }
            last = sum
        }
        return last == .max ? nil : last + 1
    }

    /// A storage from ('storage', type, key, place, count), and in the older form nothing or a part of another storage behind.
    mutating func storage(_ description: [PickleValue]) throws(DataError) -> PickleValue {
        guard description.count >= 5, case .text("storage") = description[0], case .global(let global) = description[1],
            case .text(let key) = description[2], case .integer(let count) = description[4], count >= 0
        else { throw damaged("refers to something else than a storage") }
        if description.count > 5 {
            guard case .none = description[5] else { throw unsupported("has a storage that is part of another") }
        }
        let storage: TorchStorage
        switch global {
        case .storage(let type): storage = TorchStorage(key: key, type: type, count: count)
        case .untypedStorage: storage = TorchStorage(key: key, type: nil, count: count)
        default: throw damaged("refers to a storage of no known type")
        }
        guard SafeTensorsHeader.byteCount([count], type: storage.type ?? .uint8) != nil else {
            throw damaged("has a storage of \(count) values")
        }
        if let number = storageNumbers[key] {
            guard storages[number].type == storage.type, storages[number].count == count else {
                throw damaged("describes the storage \(DataError.quote(key)) in two ways")
            }
            return .storage(number)
        }
        storages.append(storage)
        storageNumbers[key] = storages.count - 1
        return .storage(storages.count - 1)
    }
}
