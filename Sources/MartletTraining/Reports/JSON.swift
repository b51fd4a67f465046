import Foundation
import MartletData

/// A JSON value whose objects keep their order. Numbers that are not finite become null, since JSON has none.
public indirect enum JSON: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements) }

    /// The value on one line.
    public var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): value.isFinite ? "\(value)" : "null"
        case .string(let value): JSONText.quoted(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let fields): "{" + fields.map { JSONText.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    /// The value on one line for people: `Platelets 0.8123, RBC 0.7900`.
    public var plainText: String {
        switch self {
        case .null: "-"
        case .number(let value): value.isFinite ? String(format: "%.4f", value) : "-"
        case .string(let value): value
        case .array(let values): values.map(\.plainText).joined(separator: " ")
        case .object(let fields):
            fields.map { name, value in
                if case .object = value { "\(name) (\(value.plainText))" } else { "\(name) \(value.plainText)" }
            }.joined(separator: ", ")
        default: text
        }
    }
}
