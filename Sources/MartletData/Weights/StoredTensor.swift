/// A tensor in a weight file. Its values are read when they are asked for.
public struct StoredTensor: Sendable {
    /// The name, such as `features.0.weight`.
    public let name: String
    public let type: StoredType
    /// The extents; empty for a single value.
    public let shape: [Int]
    private let file: InputFile
    private let offset: Int

    /// The caller has checked that the bytes lie within the file.
    init(name: String, type: StoredType, shape: [Int], file: InputFile, offset: Int) {
        self.name = name
        self.type = type
        self.shape = shape
        self.file = file
        self.offset = offset
    }

    /// How many values it has.
    public var count: Int { shape.reduce(1, *) }

    /// The values as stored, little-endian and row-major.
    public func bytes() throws(DataError) -> [UInt8] { try file.bytes(count * type.size, at: offset) }

    /// The values as floats, row-major. Rounded to nearest from float64 and the larger integers; booleans are 0 and 1. Throws for
    /// float8, and where the file has changed underneath.
    public func floats() throws(DataError) -> [Float] {
        switch type {
        case .float32: return try values(of: Float.self)
        case .float64: return try values(of: Double.self).map { Float($0) }
        case .float16: return try values(of: UInt16.self).map { Float(Float16(bitPattern: $0)) }
        case .bfloat16: return try values(of: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
        case .int64: return try values(of: Int64.self).map { Float($0) }
        case .int32: return try values(of: Int32.self).map { Float($0) }
        case .int16: return try values(of: Int16.self).map { Float($0) }
        case .int8: return try values(of: Int8.self).map { Float($0) }
        case .uint64: return try values(of: UInt64.self).map { Float($0) }
        case .uint32: return try values(of: UInt32.self).map { Float($0) }
        case .uint16: return try values(of: UInt16.self).map { Float($0) }
        case .uint8: return try values(of: UInt8.self).map { Float($0) }
        case .bool: return try values(of: UInt8.self).map { $0 == 0 ? 0 : 1 }
        case .float8e4m3, .float8e5m2: throw refusal("floats")
        }
    }

    /// The values as 32-bit integers, row-major. Throws where they are not whole numbers or one does not fit.
    public func integers() throws(DataError) -> [Int32] {
        switch type {
        case .int32: return try values(of: Int32.self)
        case .int64: return try narrowed(Int64.self)
        case .int16: return try values(of: Int16.self).map { Int32($0) }
        case .int8: return try values(of: Int8.self).map { Int32($0) }
        case .uint64: return try narrowed(UInt64.self)
        case .uint32: return try narrowed(UInt32.self)
        case .uint16: return try values(of: UInt16.self).map { Int32($0) }
        case .uint8: return try values(of: UInt8.self).map { Int32($0) }
        case .bool: return try values(of: UInt8.self).map { $0 == 0 ? 0 : 1 }
        case .float64, .float32, .float16, .bfloat16, .float8e4m3, .float8e5m2: throw refusal("32-bit integers")
        }
    }

    private func narrowed<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(DataError) -> [Int32] {
        var result: [Int32] = []
        for value in try values(of: Value.self) {
            guard let narrow = Int32(exactly: value) else {
                throw DataError(
                    .unsupported, file: file.path, problem: "the tensor \(DataError.quote(name)) holds \(value)",
                    remedy: "store values that fit 32 bits")
            }
            result.append(narrow)
        }
        return result
    }

    private func values<Value: BitwiseCopyable>(of _: Value.Type) throws(DataError) -> [Value] {
        let count = count
        var failure: DataError?
        let result = [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DataError) {
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(count * type.size)]),
                    at: offset)
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    private func refusal(_ wanted: String) -> DataError {
        DataError(
            .unsupported, file: file.path,
            problem: "the tensor \(DataError.quote(name)) of type \(type.rawValue) cannot be read as \(wanted)",
            remedy: "store it as F32 or I32")
    }
}

#if _endian(big)
    #error("Weight files are little-endian, and read here without conversion")
#endif
