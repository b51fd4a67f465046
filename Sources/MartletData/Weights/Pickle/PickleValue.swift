/// A value that a pickle holds. Containers are numbers of objects in the reader's table, so that no nesting and no cycle, however a
/// file lays them, is followed unasked.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case bytes([UInt8])
    /// Elements in order.
    case tuple(Int)
    case list(Int)
    /// Keys and values in turn.
    case dictionary(Int)
    case global(TorchGlobal)
    case storage(Int)
    case tensor(Int)

    /// As refusals call it.
    var kind: String {
        switch self {
        case .none: "nothing"
        case .bool: "a truth value"
        case .integer, .number: "a number"
        case .text: "text"
        case .bytes: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global: "a class"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// The classes and functions that state dicts name, and the only ones that are let in. None is ever called: each stands for a fixed
/// way to fill in a value.
enum TorchGlobal: Hashable {
    case orderedDictionary
    /// `_rebuild_tensor` and its later versions.
    case tensor(version: Int)
    case parameter
    case size
    case device
    case type(StoredType)
    /// A typed storage.
    case storage(StoredType)
    /// Bytes, which the tensor types.
    case untypedStorage

    static func named(_ module: String, _ name: String) -> TorchGlobal? {
        switch module {
        case "collections": name == "OrderedDict" ? .orderedDictionary : nil
        case "torch._utils":
            switch name {
            case "_rebuild_tensor": .tensor(version: 1)
            case "_rebuild_tensor_v2": .tensor(version: 2)
            case "_rebuild_tensor_v3": .tensor(version: 3)
            case "_rebuild_parameter": .parameter
            default: nil
            }
        case "torch.storage": name == "UntypedStorage" ? .untypedStorage : nil
        case "torch":
            switch name {
            case "Size": .size
            case "device": .device
            default: storages[name].map { .storage($0) } ?? types[name].map { .type($0) }
            }
        default: nil
        }
    }

    static let storages: [String: StoredType] = [
        "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8,
        "BoolStorage": .bool,
    ]

    static let types: [String: StoredType] = [
        "float64": .float64, "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float8_e4m3fn": .float8e4m3,
        "float8_e5m2": .float8e5m2, "int64": .int64, "int32": .int32, "int16": .int16, "int8": .int8, "uint64": .uint64,
        "uint32": .uint32, "uint16": .uint16, "uint8": .uint8, "bool": .bool,
    ]

    /// Why a name that PyTorch itself writes is not let in; nil for all others.
    static func reason(_ module: String, _ name: String) -> String? {
        if name.hasPrefix("Complex") || name.hasPrefix("complex") { return "a tensor of complex numbers" }
        if name.hasPrefix("Q"), name.hasSuffix("Storage") || name.hasPrefix("_rebuild_q") { return "a quantised tensor" }
        if name == "_rebuild_sparse_tensor" { return "a sparse tensor" }
        return nil
    }
}

/// What a pickle says of a tensor: a view of a storage, in values.
struct TorchTensor {
    var storage: Int
    var type: StoredType
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}

/// A run of values that tensors share.
struct TorchStorage {
    var key: String
    /// Nil where the tensors type it.
    var type: StoredType?
    /// Values, or bytes without a type.
    var count: Int

    var byteCount: Int { count * (type?.size ?? 1) }
}
