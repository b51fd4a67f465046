/// A JSON document as it is written: text as bytes and the members of objects in order, since Swift's strings hold canonically
/// equivalent texts for equal, which the keys of a vocabulary are not.
package indirect enum JSONNode: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case text([UInt8])
    case array([JSONNode])
    case object([(key: [UInt8], value: JSONNode)])

    /// The member of this name; nil where there is none, or no object.
    package subscript(_ name: String) -> JSONNode? {
        guard case .object(let members) = self else { return nil }
        let key = Array(name.utf8)
        return members.last { $0.key == key }?.value
    }

    package var isNull: Bool { if case .null = self { true } else { false } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var bytes: [UInt8]? { if case .text(let value) = self { value } else { nil } }
    package var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var array: [JSONNode]? { if case .array(let value) = self { value } else { nil } }
    package var members: [(key: [UInt8], value: JSONNode)]? { if case .object(let value) = self { value } else { nil } }

    package var integer: Int? {
        guard case .number(let value) = self, value.magnitude < 9e15, value == value.rounded() else { return nil }
        return Int(value)
    }
}

extension JSONNode {
    /// Reads a document. Throws where it is not JSON, or nested deeper than anything sensible.
    package init(parsing bytes: [UInt8], file: String) throws(DataError) {
        var reader = JSONReader(bytes: bytes, file: file)
        self = try reader.document()
    }
}

/// Reads JSON (RFC 8259) from front to back.
private struct JSONReader {
    let bytes: [UInt8]
    let file: String
    private var position = 0
    private static let deepest = 64

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    mutating func document() throws(DataError) -> JSONNode {
        let node = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw damaged("has more after its end") }
        return node
    }

    private func damaged(_ what: String) -> DataError {
        let line = bytes[..<min(position, bytes.count)].count { $0 == 0x0A } + 1
        return DataError(.damaged, file: file, line: line, problem: "is not JSON: it \(what)", remedy: "fetch or write it again")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(DataError) -> JSONNode {
        guard depth < Self.deepest else { throw damaged("nests deeper than \(Self.deepest)") }
        skipSpace()
        guard position < bytes.count else { throw damaged("ends too early") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(_ depth: Int) throws(DataError) -> JSONNode {
        position += 1
        var members: [(key: [UInt8], value: JSONNode)] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw damaged("lacks a name in an object")
            }
            let key = try text()
            guard take(UInt8(ascii: ":")) else { throw damaged("lacks a colon behind a name") }
            members.append((key, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw damaged("lacks the end of an object") }
        return .object(members)
    }

    private mutating func array(_ depth: Int) throws(DataError) -> JSONNode {
        position += 1
        var elements: [JSONNode] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw damaged("lacks the end of an array") }
        return .array(elements)
    }

    private mutating func word(_ word: String, _ node: JSONNode) throws(DataError) -> JSONNode {
        guard bytes[position...].starts(with: word.utf8) else { throw damaged("holds an unknown word") }
        position += word.utf8.count
        return node
    }

    private mutating func number() throws(DataError) -> JSONNode {
        let start = position
        while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
        guard position > start, let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite
        else {
            throw damaged("holds something that is no value")
        }
        return .number(value)
    }

    private mutating func text() throws(DataError) -> [UInt8] {
        position += 1
        var result: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard String(validating: result, as: UTF8.self) != nil else { throw damaged("holds text that is not UTF-8") }
                return result
            case UInt8(ascii: "\\"): result += try escape()
            case 0..<0x20: throw damaged("holds a control character within text")
            default: result.append(byte)
            }
        }
        throw damaged("ends within text")
    }

    private mutating func escape() throws(DataError) -> [UInt8] {
        guard position < bytes.count else { throw damaged("ends within text") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "u"):
            var code = try unit()
            if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
                position += 2
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else { throw damaged("holds half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw damaged("holds half a surrogate pair") }
            return Array(String(scalar).utf8)
        default: throw damaged("holds an unknown escape")
        }
    }

    private mutating func unit() throws(DataError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw damaged("holds an escape that is not four hexadecimal digits") }
        position += 4
        return code
    }
}
