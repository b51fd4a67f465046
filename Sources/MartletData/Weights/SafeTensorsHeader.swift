import Foundation

/// What the JSON header of a safetensors file says, each entry checked by itself.
struct SafeTensorsHeader {
    struct Tensor {
        var name: String
        var type: StoredType
        var shape: [Int]
        /// Where its values begin and end, counted from the end of the header.
        var begin: Int
        var end: Int
    }

    /// In the order of their values.
    var tensors: [Tensor]
    var metadata: [String: String]

    static let metadataKey = "__metadata__"

    static func parse(_ json: [UInt8], damaged: (String) -> DataError) throws(DataError) -> SafeTensorsHeader {
        let raw: RawHeader
        do {
            raw = try JSONDecoder().decode(RawHeader.self, from: Data(json))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context)
        {
            throw damaged(
                "its header's entry \(DataError.quote(context.codingPath.first?.stringValue ?? "")) is not as the format has it")
        } catch {
            throw damaged("its header is not JSON")
        }
        var tensors: [Tensor] = []
        for (name, entry) in raw.entries {
            let quoted = DataError.quote(name)
            guard let type = StoredType(rawValue: entry.dtype) else {
                throw damaged("the tensor \(quoted) has the unknown type \(DataError.quote(entry.dtype))")
            }
            guard entry.data_offsets.count == 2, entry.data_offsets[0] >= 0, entry.data_offsets[0] <= entry.data_offsets[1] else {
                throw damaged("the tensor \(quoted) has the offsets \(entry.data_offsets.prefix(4))")
            }
            guard let bytes = byteCount(entry.shape, type: type) else {
                throw damaged("the tensor \(quoted) has the impossible shape \(entry.shape.prefix(16))")
            }
            let (begin, end) = (entry.data_offsets[0], entry.data_offsets[1])
            guard end - begin == bytes else {
                throw damaged(
                    "the tensor \(quoted) of \(bytes) bytes has the offsets \(begin) to \(end)"
                )
            }
            tensors.append(Tensor(name: name, type: type, shape: entry.shape, begin: begin, end: end))
        }
        tensors.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        return SafeTensorsHeader(tensors: tensors, metadata: raw.metadata)
    }

    /// Bytes that values of this shape take; nil where an extent is negative or the count overflows.
    static func byteCount(_ shape: [Int], type: StoredType) -> Int? {
        var bytes = type.size
        for extent in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { return nil }
            bytes = product
        }
        return bytes
    }
}

/// The header as JSON has it.
private struct RawHeader: Decodable {
    struct Entry: Decodable {
        var dtype: String
        var shape: [Int]
        var data_offsets: [Int]
    }

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var entries: [(name: String, entry: Entry)] = []
    var metadata: [String: String] = [:]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
            if key.stringValue == SafeTensorsHeader.metadataKey {
                metadata = try container.decode([String: String].self, forKey: key)
            } else {
                entries.append((key.stringValue, try container.decode(Entry.self, forKey: key)))
            }
        }
    }
}
