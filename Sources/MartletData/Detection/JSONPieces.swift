/// Reads JSON piece by piece, so that what nobody asks for takes no memory, however large the file. Knows the line it is on.
struct JSONPieces {
    /// Lists and objects inside each other.
    static let deepest = 64

    private let bytes: [UInt8]
    private let file: String
    private var at = 0
    private(set) var line = 1
    private var depth = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    }

    func damage(_ problem: String) -> DataError {
        DataError(.damaged, file: file, line: line, problem: problem, remedy: "write the file again as JSON of this form")
    }

    private mutating func peek() -> UInt8? {
        while at < bytes.count {
            let byte = bytes[at]
            guard byte == 32 || byte == 9 || byte == 10 || byte == 13 else { return byte }
            if byte == 10 { line += 1 }
            at += 1
        }
        return nil
    }

    private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(DataError) {
        guard let byte = peek() else { throw damage("ends where \(what) was expected") }
        guard byte == UInt8(ascii: character) else { throw damage("has '\(Unicode.Scalar(byte))' where \(what) was expected") }
        at += 1
    }

    private mutating func enter() throws(DataError) {
        depth += 1
        guard depth <= Self.deepest else { throw damage("has more than \(Self.deepest) lists and objects inside each other") }
    }

    /// Calls `entry` for each key of an object; it must read the value.
    mutating func object(_ entry: (inout JSONPieces, String) throws(DataError) -> Void) throws(DataError) {
        try expect("{", "an object")
        try enter()
        if peek() == UInt8(ascii: "}") {
            at += 1
        } else {
            while true {
                let key = try string()
                try expect(":", "a colon")
                try entry(&self, key)
                if peek() == UInt8(ascii: ",") { at += 1 } else { break }
            }
            try expect("}", "a comma or the object's end")
        }
        depth -= 1
    }

    /// Calls `element` for each element of a list; it must read it.
    mutating func list(_ element: (inout JSONPieces) throws(DataError) -> Void) throws(DataError) {
        try expect("[", "a list")
        try enter()
        if peek() == UInt8(ascii: "]") {
            at += 1
        } else {
            while true {
                try element(&self)
                if peek() == UInt8(ascii: ",") { at += 1 } else { break }
            }
            try expect("]", "a comma or the list's end")
        }
        depth -= 1
    }

    mutating func string() throws(DataError) -> String {
        try expect("\"", "a text")
        var result: [UInt8] = []
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
            guard byte >= 32 else { throw damage("has a control character in a text") }
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard at < bytes.count else { break }
            at += 1
            let plain: [UInt8: UInt8] = [0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9]
            if let byte = plain[bytes[at - 1]] {
                result.append(byte)
            } else if bytes[at - 1] == UInt8(ascii: "u") {
                result += try escaped()
            } else {
                throw damage("has an unknown escape in a text")
            }
        }
        throw damage("ends inside a text")
    }

    /// What \u begins; two of them for characters beyond the first plane.
    private mutating func escaped() throws(DataError) -> [UInt8] {
        func unit(_ reader: inout JSONPieces) throws(DataError) -> UInt32 {
            guard reader.at + 4 <= reader.bytes.count,
                let value = UInt32(String(decoding: reader.bytes[reader.at..<reader.at + 4], as: UTF8.self), radix: 16)
            else { throw reader.damage("has an unknown escape in a text") }
            reader.at += 4
            return value
        }
        var value = try unit(&self)
        if (0xD800..<0xDC00).contains(value), at + 1 < bytes.count, bytes[at] == 0x5C, bytes[at + 1] == UInt8(ascii: "u") {
            at += 2
            let low = try unit(&self)
            guard (0xDC00..<0xE000).contains(low) else { throw damage("has half a character in a text") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw damage("has half a character in a text") }
        return Array(String(scalar).utf8)
    }

    mutating func number() throws(DataError) -> Double {
        guard peek() != nil else { throw damage("ends where a number was expected") }
        let begin = at
        while at < bytes.count, isNumberPart(bytes[at]) { at += 1 }
        let text = String(decoding: bytes[begin..<at], as: UTF8.self)
        guard at > begin, text.first != "+", text.first != ".", let value = Double(text) else {
            throw damage("has something else where a number was expected")
        }
        return value
    }

    private func isNumberPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
            UInt8(ascii: "E"):
            true
        default: false
        }
    }

    /// A whole number; identifiers are whole.
    mutating func integer() throws(DataError) -> Int {
        let value = try number()
        guard let whole = Int(exactly: value) else { throw damage("has \(value) where a whole number was expected") }
        return whole
    }

    /// Whether a value is true; 0 and 1 count too.
    mutating func bool() throws(DataError) -> Bool {
        if word("true") { return true }
        if word("false") { return false }
        return try number() != 0
    }

    private mutating func word(_ text: StaticString) -> Bool {
        _ = peek()
        let isThere = text.withUTF8Buffer { at + $0.count <= bytes.count && bytes[at..<at + $0.count].elementsEqual($0) }
        if isThere { at += text.utf8CodeUnitCount }
        return isThere
    }

    /// Reads over a value.
    mutating func skip() throws(DataError) {
        switch peek() {
        case UInt8(ascii: "{"): try object { reader, _ throws(DataError) in try reader.skip() }
        case UInt8(ascii: "["): try list { reader throws(DataError) in try reader.skip() }
        case UInt8(ascii: "\""): _ = try string()
        default:
            if word("true") || word("false") || word("null") { return }
            _ = try number()
        }
    }

    /// Throws where anything is left.
    mutating func finish() throws(DataError) {
        guard peek() == nil else { throw damage("has something behind its end") }
    }
}
