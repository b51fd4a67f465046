/// Reads the pickles of PyTorch's weight files and runs nothing of them: it knows the instructions and names that state dicts use
/// (`TorchGlobal`), and refuses everything else by name and place.
struct PickleReader {
    let bytes: [UInt8]
    /// What is read, for refusals.
    private let file: String
    private let part: String
    private(set) var position: Int
    /// Where the instruction under way begins.
    private var start = 0
    private var stack: [PickleValue] = []
    /// Where in the stack the open marks are.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// The contents of tuples, lists and dictionaries.
    private(set) var objects: [[PickleValue]] = []
    /// Items of lists that dictionaries have been made from.
    var copied = 0
    var tensors: [TorchTensor] = []
    var storages: [TorchStorage] = []
    var storageNumbers: [String: Int] = [:]

    /// The longest pickle read; a state dict takes about 200 bytes a tensor.
    static let sizeLimit = 1 << 24

    /// - Parameters:
    ///   - start: where in the bytes the pickle begins.
    ///   - part: what messages call it, beside the file.
    init(_ bytes: [UInt8], from start: Int = 0, file: String, part: String) {
        self.bytes = bytes
        self.file = file
        self.part = part
        position = start
    }

    /// Reads to the pickle's end, and returns what it leaves.
    mutating func run() throws(DataError) -> PickleValue {
        while true {
            start = position
            let code = try byte()
            if code == UInt8(ascii: ".") {
                let value = try pop()
                guard stack.isEmpty, marks.isEmpty else { throw damaged("leaves \(stack.count) values too many") }
                return value
            }
            try perform(code)
        }
    }

    private mutating func perform(_ code: UInt8) throws(DataError) {
        switch code {
        case 0x80:
            let version = try byte()
            guard (2...5).contains(version) else { throw unsupported("is written in protocol \(version), not 2 to 5") }
        case 0x95: _ = try count(8)  // The length of a frame.
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
        case UInt8(ascii: "K"): stack.append(.integer(Int(try byte())))
        case UInt8(ascii: "M"): stack.append(.integer(Int(try number(2))))
        case 0x8A: stack.append(try long(Int(try byte())))
        case UInt8(ascii: "G"): stack.append(.number(Double(bitPattern: try number(8).byteSwapped)))
        case UInt8(ascii: "X"): stack.append(.text(try text(try count(4))))
        case 0x8C: stack.append(.text(try text(try count(1))))
        case 0x8D: stack.append(.text(try text(try count(8))))
        case UInt8(ascii: "U"): stack.append(.text(try text(try count(1))))
        case UInt8(ascii: "T"): stack.append(.text(try text(try count(4))))
        case UInt8(ascii: "C"): stack.append(.bytes(Array(try take(try count(1)))))
        case UInt8(ascii: "B"): stack.append(.bytes(Array(try take(try count(4)))))
        case 0x8E: stack.append(.bytes(Array(try take(try count(8)))))
        case UInt8(ascii: ")"): stack.append(.tuple(add([])))
        case 0x85: try tuple(of: 1)
        case 0x86: try tuple(of: 2)
        case 0x87: try tuple(of: 3)
        case UInt8(ascii: "t"): stack.append(.tuple(add(try popToMark())))
        case UInt8(ascii: "]"): stack.append(.list(add([])))
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "}"): stack.append(.dictionary(add([])))
        case UInt8(ascii: "s"):
            let value = try pop()
            try insert([try pop(), value])
        case UInt8(ascii: "u"): try insert(try popToMark())
        case UInt8(ascii: "q"): memo[Int(try byte())] = try top()
        case UInt8(ascii: "r"): memo[try count(4)] = try top()
        case 0x94: memo[memo.count] = try top()
        case UInt8(ascii: "h"): try recall(Int(try byte()))
        case UInt8(ascii: "j"): try recall(try count(4))
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "2"): stack.append(try top())
        case UInt8(ascii: "c"): stack.append(try global(try line(), try line()))
        case 0x93:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw damaged("names a class by something else than text")
            }
            stack.append(try global(module, name))
        case UInt8(ascii: "R"), 0x81:
            let arguments = try elements(try pop(), "the arguments of a call")
            stack.append(try rebuild(try pop(), arguments))
        case UInt8(ascii: "b"): try build()
        case UInt8(ascii: "Q"): stack.append(try storage(try elements(try pop(), "a storage's description")))
        default: throw unsupported("has the instruction \(Self.name(code)), which state dicts do not use")
        }
    }

    /// Instructions of the pickle language by name, for refusals.
    private static func name(_ code: UInt8) -> String {
        let names: [UInt8: String] = [
            0x69: "INST", 0x6F: "OBJ", 0x50: "PERSID", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x92: "NEWOBJ_EX",
            0x8F: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER",
            0x98: "READONLY_BUFFER",
            0x49: "INT", 0x4C: "LONG", 0x46: "FLOAT", 0x53: "STRING", 0x56: "UNICODE", 0x67: "GET", 0x70: "PUT", 0x64: "DICT",
            0x6C: "LIST", 0x31: "POP_MARK", 0x8B: "LONG4",
        ]
        return names[code] ?? "0x" + String(code, radix: 16)
    }

    // MARK: Containers

    /// What is in a tuple, list or dictionary.
    func contents(_ object: Int) -> [PickleValue] { objects[object] }

    mutating func add(_ elements: [PickleValue]) -> Int {
        objects.append(elements)
        return objects.count - 1
    }

    func elements(_ value: PickleValue, _ what: String) throws(DataError) -> [PickleValue] {
        guard case .tuple(let object) = value else { throw damaged("has \(value.kind) for \(what)") }
        return objects[object]
    }

    private mutating func tuple(of count: Int) throws(DataError) {
        guard stack.count - (marks.last ?? 0) >= count else { throw damaged("takes values that are not there") }
        let elements = Array(stack.suffix(count))
        stack.removeLast(count)
        stack.append(.tuple(add(elements)))
    }

    private mutating func append(_ values: [PickleValue]) throws(DataError) {
        guard case .list(let object) = try top() else { throw damaged("appends to what is no list") }
        objects[object] += values
    }

    private mutating func insert(_ values: [PickleValue]) throws(DataError) {
        guard case .dictionary(let object) = try top() else { throw damaged("sets an item of what is no dictionary") }
        guard values.count % 2 == 0 else { throw damaged("has a key without a value") }
        objects[object] += values
    }

    /// The attributes of an OrderedDict, which hold nothing of weight.
    private mutating func build() throws(DataError) {
        let state = try pop()
        guard case .dictionary = try top() else { throw unsupported("sets the attributes of \(try top().kind)") }
        guard case .dictionary = state else { throw unsupported("sets attributes by \(state.kind)") }
    }

    // MARK: The stack

    private func top() throws(DataError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw damaged("takes a value that is not there") }
        return value
    }

    private mutating func pop() throws(DataError) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func popToMark() throws(DataError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw damaged("lacks the mark that begins a list") }
        let values = Array(stack[mark...])
        stack.removeLast(values.count)
        return values
    }

    private mutating func recall(_ number: Int) throws(DataError) {
        guard let value = memo[number] else { throw damaged("recalls the value \(number), which it has not kept") }
        stack.append(value)
    }

    // MARK: The bytes

    private mutating func take(_ count: Int) throws(DataError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else {
            throw bytes.count >= Self.sizeLimit
                ? DataError(
                    .tooLarge, file: file, problem: "\(part) goes on beyond \(Self.sizeLimit) bytes",
                    remedy: "save the state_dict() alone")
                : damaged("is cut short")
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    private mutating func byte() throws(DataError) -> UInt8 { try take(1).first! }

    private mutating func number(_ size: Int) throws(DataError) -> UInt64 {
        try take(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func count(_ size: Int) throws(DataError) -> Int {
        guard let count = Int(exactly: try number(size)) else { throw damaged("has an impossible length") }
        return count
    }

    private mutating func text(_ count: Int) throws(DataError) -> String { String(decoding: try take(count), as: UTF8.self) }

    private mutating func line() throws(DataError) -> String {
        guard let end = bytes[position...].prefix(1024).firstIndex(of: UInt8(ascii: "\n")) else {
            throw damaged("has a name without an end")
        }
        defer { position += 1 }
        return try text(end - position)
    }

    private mutating func long(_ count: Int) throws(DataError) -> PickleValue {
        let digits = try take(count)
        guard count > 0 else { return .integer(0) }
        guard count <= 8 else { return .bytes(Array(digits)) }
        let filler: UInt64 = digits.last! >= 0x80 ? ~0 : 0
        return .integer(Int(Int64(bitPattern: digits.reversed().reduce(filler) { $0 << 8 | UInt64($1) })))
    }

    // MARK: Refusals

    func damaged(_ problem: String) -> DataError {
        DataError(
            .damaged, file: file, problem: "\(part) \(problem), at byte \(start)", remedy: "fetch or write it again")
    }

    func unsupported(_ problem: String, remedy: String = "save the state_dict() alone, of dense tensors") -> DataError {
        DataError(.unsupported, file: file, problem: "\(part) \(problem), at byte \(start)", remedy: remedy)
    }
}
