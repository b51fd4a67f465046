/// Cuts the bytes of a CSV file (RFC 4180) into records: fields between commas, optionally in double quotes (which may hold
/// commas, line ends and doubled quotes), lines ended by LF or CRLF. Blank lines are passed over, spaces around unquoted
/// fields dropped.
struct CSVReader {
    private let bytes: [UInt8]
    private let file: String
    private var position: Int
    private var nextLine = 1

    /// The line that the latest record began on, from 1.
    private(set) var line = 0
    /// Where the latest record's fields stand in the bytes, without quotes.
    private(set) var fields: [Range<Int>] = []

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// Goes to the next record; false at the end.
    mutating func advance() throws(DataError) -> Bool {
        while true {
            guard position < bytes.count else { return false }
            line = nextLine
            fields.removeAll(keepingCapacity: true)
            while try readField() {}
            if fields.count > 1 || !fields[0].isEmpty { return true }
        }
    }

    /// A field's text.
    func text(_ field: Range<Int>) -> String {
        let text = String(decoding: bytes[field], as: UTF8.self)
        return bytes[field].contains(.quote) ? text.replacing("\"\"", with: "\"") : text
    }

    /// A field as a number; nil where it is none.
    func number(_ field: Range<Int>) -> Float? {
        bytes.withUnsafeBufferPointer { DecimalNumber.parse(UnsafeBufferPointer(rebasing: $0[field])) }
    }

    /// Reads one field and what ends it; whether another one follows in the record.
    private mutating func readField() throws(DataError) -> Bool {
        skipSpaces()
        if position < bytes.count, bytes[position] == .quote {
            fields.append(try readQuoted())
            skipSpaces()
        } else {
            let start = position
            while position < bytes.count, bytes[position] != .comma, bytes[position] != .lineFeed { position += 1 }
            var end = position
            while end > start, bytes[end - 1].isSpace { end -= 1 }
            fields.append(start..<end)
        }
        guard position < bytes.count else { return false }
        let ending = bytes[position]
        guard ending == .comma || ending == .lineFeed else {
            throw problem("text follows a closing quote", "double the quotes within a quoted field")
        }
        position += 1
        if ending == .lineFeed { nextLine += 1 }
        return ending == .comma
    }

    private mutating func readQuoted() throws(DataError) -> Range<Int> {
        let start = position + 1
        position = start
        while position < bytes.count {
            switch bytes[position] {
            case .quote where position + 1 < bytes.count && bytes[position + 1] == .quote: position += 2
            case .quote:
                position += 1
                return start..<position - 1
            case .lineFeed:
                nextLine += 1
                position += 1
            default: position += 1
            }
        }
        throw problem("a quoted field is not closed", "close it with a double quote")
    }

    private mutating func skipSpaces() {
        while position < bytes.count, bytes[position].isSpace { position += 1 }
    }

    /// An error on the latest record's line.
    func problem(_ problem: String, _ remedy: String) -> DataError {
        DataError(.damaged, file: file, line: line, problem: problem, remedy: remedy)
    }
}

extension UInt8 {
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let comma = UInt8(ascii: ",")
    fileprivate static let lineFeed = UInt8(ascii: "\n")
    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\r") }
}

/// Decimal numbers as text.
package enum DecimalNumber {
    private static let powers: [Float] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10]

    /// The nearest float; nil where the text is no number. Reads what Swift's `Float` reads; short ones faster.
    package static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Float? {
        var position = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { position = 1 }
        var mantissa: UInt32 = 0
        var digits = 0
        var point: Int?
        while position < text.count {
            let byte = text[position]
            if byte >= 48, byte <= 57 {
                mantissa = mantissa &* 10 &+ UInt32(byte - 48)
                digits += 1
            } else if byte == 46, point == nil {
                point = digits
            } else {
                return slow(text)
            }
            position += 1
        }
        // A mantissa below 2^24 and a power of ten up to 10^10 are exact, so that their quotient is rounded once.
        guard digits > 0, digits <= 7 else { return slow(text) }
        let value = Float(mantissa) / powers[digits - (point ?? digits)]
        return isNegative ? -value : value
    }

    private static func slow(_ text: UnsafeBufferPointer<UInt8>) -> Float? { Float(String(decoding: text, as: UTF8.self)) }
}
