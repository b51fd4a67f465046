import Foundation

/// A tensor in a weight file. Its values are read when they are asked for.
public struct StoredTensor: Sendable {
    /// The name, such as `features.0.weight`.
    public private(set) var name: String
    public let type: StoredType
    /// The extents; empty for a single value.
    public let shape: [Int]
    /// How far apart neighbours along each axis lie, in values; nil where they stand row-major.
    private let strides: [Int]?
    private let source: any StoredBytes
    /// Where in the source the first value is, in bytes.
    private let offset: Int
    private let path: String

    /// The caller has checked that the bytes lie within the source.
    /// - Parameter strides: in values; nil for row-major.
    package init(
        name: String, type: StoredType, shape: [Int], strides: [Int]? = nil, source: any StoredBytes, offset: Int, path: String
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.strides = strides.flatMap { Self.isRowMajor(shape, $0) ? nil : $0 }
        self.source = source
        self.offset = offset
        self.path = path
    }

    /// The same tensor by another name.
    public func named(_ name: String) -> StoredTensor {
        var result = self
        result.name = name
        return result
    }

    /// How many values it has.
    public var count: Int { shape.reduce(1, *) }

    /// The values as stored, little-endian, row-major.
    public func bytes() throws(DataError) -> [UInt8] { try values(of: UInt8.self, count: count * type.size) }

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
                    .unsupported, file: path, problem: "the tensor \(DataError.quote(name)) holds \(value)",
                    remedy: "store values that fit 32 bits")
            }
            result.append(narrow)
        }
        return result
    }

    private func values<Value: BitwiseCopyable>(of _: Value.Type) throws(DataError) -> [Value] {
        try values(of: Value.self, count: count)
    }

    private func values<Value: BitwiseCopyable>(of _: Value.Type, count: Int) throws(DataError) -> [Value] {
        let size = self.count * type.size
        guard size <= ProcessInfo.processInfo.physicalMemory / 2 else {
            throw DataError(
                .tooLarge, file: path, problem: "the tensor \(DataError.quote(name)) takes \(size >> 20) MiB",
                remedy: "use a machine with twice as much memory")
        }
        var failure: DataError?
        let result = [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DataError) {
                try read(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Fills the buffer, which is of the tensor's size, with the values in row-major order.
    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) {
        guard let strides, !buffer.isEmpty else { return try source.read(into: buffer, at: offset) }
        let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
        let stored = try source.bytes((last + 1) * type.size, at: offset)
        stored.withUnsafeBytes { stored in
            switch type.size {
            case 1: Self.gather(UInt8.self, stored, shape, strides, into: buffer)
            case 2: Self.gather(UInt16.self, stored, shape, strides, into: buffer)
            case 4: Self.gather(UInt32.self, stored, shape, strides, into: buffer)
            default: Self.gather(UInt64.self, stored, shape, strides, into: buffer)
            }
        }
    }

    private static func gather<Value: BitwiseCopyable>(
        _: Value.Type, _ stored: UnsafeRawBufferPointer, _ shape: [Int], _ strides: [Int],
        into buffer: UnsafeMutableRawBufferPointer
    ) {
        let source = stored.bindMemory(to: Value.self), target = buffer.bindMemory(to: Value.self)
        let (inner, step) = (shape.last ?? 1, strides.last ?? 0)
        var index = [Int](repeating: 0, count: max(shape.count - 1, 0))
        var start = 0
        for row in stride(from: 0, to: target.count, by: inner) {
            for column in 0..<inner { target[row + column] = source[start + column * step] }
            // The next row: count up from the last axis but one.
            for axis in index.indices.reversed() {
                index[axis] += 1
                start += strides[axis]
                if index[axis] < shape[axis] { break }
                start -= shape[axis] * strides[axis]
                index[axis] = 0
            }
        }
    }

    private static func isRowMajor(_ shape: [Int], _ strides: [Int]) -> Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
            if stride != expected { return false }
            expected *= extent
        }
        return true
    }

    private func refusal(_ wanted: String) -> DataError {
        DataError(
            .unsupported, file: path,
            problem: "the tensor \(DataError.quote(name)) of type \(type.rawValue) cannot be read as \(wanted)",
            remedy: "store it as F32 or I32")
    }
}

#if _endian(big)
    #error("Weight files are little-endian, and read here without conversion")
#endif
