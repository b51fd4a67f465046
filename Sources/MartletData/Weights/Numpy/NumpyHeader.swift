/// The header of numpy's array format (versions 1 to 3): a magic number, the version, a length, and a Python dictionary such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, of which only what numpy writes is understood.
struct NumpyHeader {
    var type: StoredType
    var isColumnMajor: Bool
    var shape: [Int]
    /// Where the values begin.
    var size: Int

    static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    /// The longest header read, with what stands before it.
    static let limit = 1 << 16

    static let types: [String: StoredType] = [
        "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8, "u8": .uint64,
        "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
    ]

    /// Reads a header at the beginning of the bytes.
    /// - Parameter part: what messages call the array, beside the file.
    static func parse(_ bytes: [UInt8], file: String, part: String) throws(DataError) -> NumpyHeader {
        func damaged(_ problem: String) -> DataError {
            DataError(
                .damaged, file: file, problem: "\(part) \(problem)", remedy: "write it again with numpy.save or numpy.savez")
        }
        guard bytes.starts(with: magic), bytes.count >= 10 else { throw damaged("is no array of numpy's") }
        let version = bytes[6]
        guard (1...3).contains(version) else { throw damaged("is in version \(version) of numpy's format, not 1 to 3") }
        let fields = LittleEndian(bytes: bytes)
        let start = version == 1 ? 10 : 12
        guard let length = fields.integer(start - 8, at: 8), length <= limit - 12, start + length <= bytes.count else {
            throw damaged("is cut short within its header, or has too long a one")
        }
        var literal = PythonLiteral(bytes[start..<start + length])
        guard case .dictionary(let pairs)? = literal.value(depth: 0), literal.isAtEnd else {
            throw damaged("has a header that is no dictionary")
        }
        var (type, isColumnMajor, shape): (StoredType?, Bool?, [Int]?) = (nil, nil, nil)
        for (key, value) in pairs {
            switch (key, value) {
            case ("descr", .text(let text)): type = try storedType(text, file: file, part: part)
            case ("descr", _): throw unsupported("has records for values", file, part)
            case ("fortran_order", .bool(let value)): isColumnMajor = value
            case ("shape", .tuple(let extents)): shape = extents
            default: throw damaged("has the unknown entry \(DataError.quote(key)) in its header")
            }
        }
        guard let type, let isColumnMajor, let shape else { throw damaged("has a header without descr, fortran_order or shape") }
        guard shape.count <= 64, SafeTensorsHeader.byteCount(shape, type: type) != nil else {
            throw damaged("has the impossible shape \(shape.prefix(16))")
        }
        return NumpyHeader(type: type, isColumnMajor: isColumnMajor, shape: shape, size: start + length)
    }

    private static func storedType(_ text: String, file: String, part: String) throws(DataError) -> StoredType {
        guard let order = text.first, let type = types[String(text.dropFirst())] else {
            let kinds: [Character: String] = [
                "O": "Python objects, which are not run", "c": "complex numbers", "S": "bytes for text", "U": "text",
                "V": "raw bytes",
                "M": "dates", "m": "durations",
            ]
            let kind = text.dropFirst().first.flatMap { kinds[$0] } ?? "the type \(DataError.quote(text))"
            throw unsupported("holds \(kind)", file, part)
        }
        guard order != ">" || type.size == 1 else {
            throw DataError(
                .unsupported, file: file, problem: "\(part) stores its values in big-endian order (\(DataError.quote(text)))",
                remedy: "save array.astype('<\(text.dropFirst())')")
        }
        guard "<=|>".contains(order) else { throw unsupported("has the type \(DataError.quote(text))", file, part) }
        return type
    }

    private static func unsupported(_ problem: String, _ file: String, _ part: String) -> DataError {
        DataError(.unsupported, file: file, problem: "\(part) \(problem)", remedy: "save plain numbers")
    }

    /// How far apart neighbours along each axis lie, where the first axis moves fastest; nil for row-major.
    var strides: [Int]? {
        guard isColumnMajor, !shape.contains(0) else { return nil }
        var next = 1
        return shape.map { extent in
            defer { next *= extent }
            return next
        }
    }
}

/// The few Python literals in such a header.
struct PythonLiteral {
    enum Value {
        case text(String)
        case bool(Bool)
        case integer(Int)
        /// Of whole numbers.
        case tuple([Int])
        case dictionary([(String, Value)])
        /// A list, which stands for records.
        case list
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    /// Whether nothing but space is left.
    var isAtEnd: Bool { bytes[position...].allSatisfy { $0 == 0x20 || $0 == 0x0A } }

    private mutating func peek() -> UInt8? {
        while position < bytes.count, [0x20, 0x0A, 0x09].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func skip(_ character: Character) -> Bool {
        guard peek() == character.asciiValue else { return false }
        position += 1
        return true
    }

    /// The next value; nil where there is none that is understood.
    mutating func value(depth: Int) -> Value? {
        guard let first = peek() else { return nil }
        switch first {
        case UInt8(ascii: "{"): return depth == 0 ? dictionary() : nil
        case UInt8(ascii: "("): return tuple()
        case UInt8(ascii: "["):
            // Its end does not matter: records are refused.
            return .list
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "T"), UInt8(ascii: "F"):
            let word = first == UInt8(ascii: "T") ? "True" : "False"
            guard bytes[position...].starts(with: word.utf8) else { return nil }
            position += word.utf8.count
            return .bool(word == "True")
        default: return integer().map { .integer($0) }
        }
    }

    private mutating func dictionary() -> Value? {
        position += 1
        var pairs: [(String, Value)] = []
        while !skip("}") {
            guard let key = text(), skip(":"), let value = value(depth: 1) else { return nil }
            pairs.append((key, value))
            if case .list = value {
                position = bytes.count
                return .dictionary(pairs)
            }
            if !skip(",") {
                guard skip("}") else { return nil }
                break
            }
        }
        return .dictionary(pairs)
    }

    private mutating func tuple() -> Value? {
        position += 1
        var elements: [Int] = []
        while !skip(")") {
            guard let element = integer() else { return nil }
            elements.append(element)
            if !skip(",") {
                guard skip(")") else { return nil }
                break
            }
        }
        return .tuple(elements)
    }

    private mutating func text() -> String? {
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { return nil }
        defer { position = end + 1 }
        return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    }

    private mutating func integer() -> Int? {
        _ = peek()
        let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        position += digits.count
        // Python 2 wrote long integers with an L.
        if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
