import Foundation
import MartletData

/// Scalars in the file format that TensorBoard reads: length, checksum, a protocol-buffer `Event`, checksum.
final class EventFile {
    private let handle: FileHandle?

    /// Opens a new event file in a folder. Where it cannot be, the run goes on without one.
    init(folder: String) {
        let path = "\(folder)/events.out.tfevents.\(Int(Date().timeIntervalSince1970)).martlet.\(getpid())"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        handle = FileHandle(forWritingAtPath: path)
        var event = ProtocolBuffer()
        event.double(1, Date().timeIntervalSince1970)
        event.bytes(3, Array("brain.Event:2".utf8))
        append(event)
    }

    deinit { try? handle?.close() }

    func add(step: Int, _ scalars: [(String, Double)]) {
        var summary = ProtocolBuffer()
        for (tag, value) in scalars {
            var entry = ProtocolBuffer()
            entry.bytes(1, Array(tag.utf8))
            entry.float(2, Float(value))
            summary.bytes(1, entry.data)
        }
        var event = ProtocolBuffer()
        event.double(1, Date().timeIntervalSince1970)
        event.integer(2, UInt64(step))
        event.bytes(5, summary.data)
        append(event)
    }

    private func append(_ event: ProtocolBuffer) {
        let length = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(event.data.count) >> (8 * UInt64($0))) }
        let record = length + Checksum.masked(length) + event.data + Checksum.masked(event.data)
        try? handle?.write(contentsOf: Data(record))
    }
}

/// The little of the protocol-buffer encoding that event files need.
private struct ProtocolBuffer {
    private(set) var data: [UInt8] = []

    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }

    private mutating func little(_ value: UInt64, bytes: Int) {
        for index in 0..<bytes { data.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }

    mutating func integer(_ field: UInt64, _ value: UInt64) {
        variable(field << 3)
        variable(value)
    }

    mutating func double(_ field: UInt64, _ value: Double) {
        variable(field << 3 | 1)
        little(value.bitPattern, bytes: 8)
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        variable(field << 3 | 5)
        little(UInt64(value.bitPattern), bytes: 4)
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        variable(field << 3 | 2)
        variable(UInt64(value.count))
        data += value
    }
}

/// CRC-32C, masked as TFRecord has it.
private enum Checksum {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    static func masked(_ bytes: [UInt8]) -> [UInt8] {
        let crc = ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
        let mask = (crc >> 15 | crc << 17) &+ 0xA282_EAD8
        return (0..<4).map { UInt8(truncatingIfNeeded: mask >> (8 * UInt32($0))) }
    }
}
