/// A tensor to be stored.
public struct TensorToStore: Sendable {
    /// Its values.
    public enum Values: Sendable {
        case floats([Float])
        case integers([Int32])
        /// Those of another file, in their type.
        case stored(StoredTensor)

        var count: Int {
            switch self {
            case .floats(let values): values.count
            case .integers(let values): values.count
            case .stored(let tensor): tensor.count
            }
        }

        var type: StoredType {
            switch self {
            case .floats: .float32
            case .integers: .int32
            case .stored(let tensor): tensor.type
            }
        }
    }

    public let name: String
    public let shape: [Int]
    /// Row-major in `shape`.
    public let values: Values

    public init(_ name: String, shape: [Int], _ values: Values) {
        precondition(
            shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == values.count,
            "TensorToStore: \(values.count) values do not fill the shape \(shape) of \(name)")
        self.name = name
        self.shape = shape
        self.values = values
    }

    /// A tensor of another file as it is.
    public init(_ stored: StoredTensor) {
        (name, shape, values) = (stored.name, stored.shape, .stored(stored))
    }

    /// Bytes that its values take.
    var byteCount: Int { values.count * values.type.size }

    /// Calls the body with its values as they are to be stored.
    func withBytes(_ body: (UnsafeRawBufferPointer) throws(DataError) -> Void) throws(DataError) {
        switch values {
        case .floats(let values): try values.withUnsafeBytesTyped(body)
        case .integers(let values): try values.withUnsafeBytesTyped(body)
        case .stored(let tensor): try tensor.bytes().withUnsafeBytesTyped(body)
        }
    }
}
