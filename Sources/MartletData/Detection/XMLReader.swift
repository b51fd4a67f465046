/// An element of a small XML file: text, child elements, the line it begins on. Attributes are read over.
struct XMLElement {
    var name: String
    var line: Int
    var text = ""
    var children: [XMLElement] = []

    func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// Reads the XML that annotation tools write: elements, text, attributes, comments, CDATA, the five entities and character
/// references. Document types, and with them entities of a file's own, are refused, so that no file can grow or read others.
struct XMLReader {
    /// Elements inside each other.
    static let deepest = 64
    /// Elements in a file.
    static let most = 1_000_000

    private let bytes: [UInt8]
    private let file: String
    private var at = 0
    private var line = 1
    private var count = 0

    /// The root element. Throws the line at which the file stops being XML.
    static func read(_ bytes: [UInt8], file: String) throws(DataError) -> XMLElement {
        var reader = XMLReader(bytes: bytes, file: file)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.at = 3 }
        try reader.skipMisc()
        guard reader.peek() == UInt8(ascii: "<") else { throw reader.damage("is no XML file: it does not begin with an element") }
        let root = try reader.element(depth: 1)
        try reader.skipMisc()
        guard reader.peek() == nil else { throw reader.damage("has something behind its last element") }
        return root
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private func damage(_ problem: String) -> DataError {
        DataError(.damaged, file: file, line: line, problem: problem, remedy: "write the file again as well-formed XML")
    }

    private func peek() -> UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func advance(_ steps: Int) {
        for position in at..<min(at + steps, bytes.count) where bytes[position] == 10 { line += 1 }
        at = min(at + steps, bytes.count)
    }

    private func starts(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { at + $0.count <= bytes.count && bytes[at..<at + $0.count].elementsEqual($0) }
    }

    private mutating func skip(past end: StaticString, _ what: String) throws(DataError) -> Range<Int> {
        let begin = at
        while at < bytes.count {
            if starts(end) {
                let range = begin..<at
                advance(end.utf8CodeUnitCount)
                return range
            }
            advance(1)
        }
        throw damage("ends inside \(what)")
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 32 || (9...13).contains(byte) { advance(1) }
    }

    /// Space, comments and declarations outside the root.
    private mutating func skipMisc() throws(DataError) {
        while true {
            skipSpace()
            if starts("<!--") {
                advance(4)
                _ = try skip(past: "-->", "a comment")
            } else if starts("<?") {
                _ = try skip(past: "?>", "a declaration")
            } else if starts("<!") {
                throw damage("has a document type, which is not read")
            } else {
                return
            }
        }
    }

    private mutating func name() throws(DataError) -> String {
        let begin = at
        while let byte = peek(), byte >= 128 || isNamePart(byte) { at += 1 }
        guard at > begin else { throw damage("has a tag without a name") }
        return String(decoding: bytes[begin..<at], as: UTF8.self)
    }

    private func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"): true
        default: false
        }
    }

    private mutating func element(depth: Int) throws(DataError) -> XMLElement {
        count += 1
        guard depth <= Self.deepest else { throw damage("has more than \(Self.deepest) elements inside each other") }
        guard count <= Self.most else { throw damage("has more than \(Self.most) elements") }
        var element = XMLElement(name: "", line: line)
        advance(1)
        element.name = try name()
        while true {
            skipSpace()
            if starts("/>") {
                advance(2)
                return element
            }
            if peek() == UInt8(ascii: ">") { break }
            try attribute(of: element.name)
        }
        advance(1)
        var text: [UInt8] = []
        while true {
            guard let byte = peek() else { throw damage("ends inside <\(element.name)>, which begins on line \(element.line)") }
            if starts("</") {
                advance(2)
                let closing = try name()
                guard closing == element.name else {
                    throw damage("closes <\(element.name)> of line \(element.line) with </\(closing)>")
                }
                skipSpace()
                guard peek() == UInt8(ascii: ">") else { throw damage("has a closing tag without its end") }
                advance(1)
                element.text = String(decoding: text, as: UTF8.self).trimmed
                return element
            } else if starts("<!--") {
                advance(4)
                _ = try skip(past: "-->", "a comment")
            } else if starts("<![CDATA[") {
                advance(9)
                text += bytes[try skip(past: "]]>", "CDATA")]
            } else if starts("<?") {
                _ = try skip(past: "?>", "an instruction")
            } else if byte == UInt8(ascii: "<") {
                element.children.append(try self.element(depth: depth + 1))
            } else if byte == UInt8(ascii: "&") {
                text += try reference()
            } else {
                text.append(byte)
                advance(1)
            }
        }
    }

    private mutating func attribute(of element: String) throws(DataError) {
        guard peek() != nil else { throw damage("ends inside the tag <\(element)") }
        _ = try name()
        skipSpace()
        guard peek() == UInt8(ascii: "=") else { throw damage("has an attribute without a value in <\(element)>") }
        advance(1)
        skipSpace()
        switch peek() {
        case UInt8(ascii: "\""):
            advance(1)
            _ = try skip(past: "\"", "an attribute")
        case UInt8(ascii: "'"):
            advance(1)
            _ = try skip(past: "'", "an attribute")
        default: throw damage("has an attribute without quotes in <\(element)>")
        }
    }

    private mutating func reference() throws(DataError) -> [UInt8] {
        advance(1)
        let begin = at
        while let byte = peek(), byte != UInt8(ascii: ";"), at - begin < 12 { advance(1) }
        guard peek() == UInt8(ascii: ";") else { throw damage("has a & that begins no entity") }
        let name = String(decoding: bytes[begin..<at], as: UTF8.self)
        advance(1)
        let known: [String: String] = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"]
        if let text = known[name] { return Array(text.utf8) }
        var number: UInt32?
        if name.hasPrefix("#x") {
            number = UInt32(name.dropFirst(2), radix: 16)
        } else if name.hasPrefix("#") {
            number = UInt32(name.dropFirst())
        }
        guard let number, let scalar = Unicode.Scalar(number) else { throw damage("has the unknown entity &\(name);") }
        return Array(String(scalar).utf8)
    }
}

extension String {
    /// Without space around it.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
