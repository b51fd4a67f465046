import Foundation

extension SafeTensors {
    /// Writes a file atomically: where it fails (a full disk, a missing folder), an earlier file stays as it was. The same
    /// tensors and metadata give the same bytes.
    /// - Parameter metadata: Free text beside the tensors.
    public static func write(_ tensors: [TensorToStore], metadata: [String: String] = [:], to path: String) throws(DataError) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "SafeTensors.write: two tensors have one name")
        precondition(
            !tensors.contains { $0.name == SafeTensorsHeader.metadataKey },
            "SafeTensors.write: a tensor is called \(SafeTensorsHeader.metadataKey)")
        // Wide types first, so that the values of each begin where its type may.
        let sizes = Set(tensors.map(\.values.type.size)).sorted(by: >)
        let tensors = sizes.flatMap { size in tensors.filter { $0.values.type.size == size } }
        let header = headerBytes(tensors, metadata: metadata)
        try AtomicFile.write(to: path) { writer throws(DataError) in
            try littleEndianBytes(UInt64(header.count)).withUnsafeBytesTyped { bytes throws(DataError) in try writer.write(bytes)
            }
            try header.withUnsafeBytesTyped { bytes throws(DataError) in try writer.write(bytes) }
            for tensor in tensors {
                try tensor.withBytes { bytes throws(DataError) in try writer.write(bytes) }
            }
        }
    }

    private static func littleEndianBytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The header, padded with spaces so that the values begin at a multiple of eight bytes.
    private static func headerBytes(_ tensors: [TensorToStore], metadata: [String: String]) -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
            fields.append("\(JSONText.quoted(SafeTensorsHeader.metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let type = tensor.values.type.rawValue
            fields.append(
                #"\#(JSONText.quoted(tensor.name)):{"dtype":"\#(type)","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#)
            offset = end
        }
        var bytes = Array("{\(fields.joined(separator: ","))}".utf8)
        bytes += Array(repeating: UInt8(ascii: " "), count: (8 - bytes.count % 8) % 8)
        return bytes
    }
}
