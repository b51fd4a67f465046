import Foundation
import Martlet
import Testing

/// A file of values that PyTorch computed, and its cases.
struct GoldenFile: Sendable {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let op: String
        let inputs: [String]
        let outputs: [String]
        let options: Options
        var testDescription: String { name }
    }

    let file: SafeTensors
    let cases: [Case]

    init(_ name: String) throws {
        file = try SafeTensors.read(Self.folder + "/\(name).safetensors")
        let list = try JSONSerialization.jsonObject(with: Data((file.metadata["cases"] ?? "[]").utf8)) as? [[String: Any]] ?? []
        cases = list.map {
            Case(
                name: $0["name"] as? String ?? "", op: $0["op"] as? String ?? $0["optimizer"] as? String ?? "",
                inputs: $0["inputs"] as? [String] ?? [], outputs: $0["outputs"] as? [String] ?? [],
                options: Options($0["options"] as? [String: Any] ?? [:], clipNorm: $0["clipNorm"], clipValue: $0["clipValue"]))
        }
    }

    static var folder: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Golden"
    }

    func tensor(_ name: String) throws -> Tensor {
        let entry = try #require(file[name], "\(name) is in the golden file")
        return entry.type.isInteger
            ? Tensor(try entry.integers(), shape: entry.shape) : Tensor(try entry.floats(), shape: entry.shape)
    }

    func has(_ name: String) -> Bool { file[name] != nil }
}

/// The options of a case, as JSON has them.
struct Options: @unchecked Sendable {
    private let values: [String: Any]

    init(_ values: [String: Any], clipNorm: Any? = nil, clipValue: Any? = nil) {
        var all = values
        all["clipNorm"] = clipNorm
        all["clipValue"] = clipValue
        self.values = all.filter { !($0.value is NSNull) }
    }

    func has(_ key: String) -> Bool { values[key] != nil }
    func float(_ key: String, _ standard: Float = 0) -> Float { (values[key] as? NSNumber)?.floatValue ?? standard }
    func double(_ key: String) -> Double { (values[key] as? NSNumber)?.doubleValue ?? 0 }
    func integer(_ key: String) -> Int { (values[key] as? NSNumber)?.intValue ?? 0 }
    func bool(_ key: String) -> Bool { (values[key] as? NSNumber)?.boolValue ?? false }
    func string(_ key: String) -> String { values[key] as? String ?? "" }
    func integers(_ key: String) -> [Int] { (values[key] as? [NSNumber])?.map(\.intValue) ?? [] }
    func pairs(_ key: String) -> [[Int]] { (values[key] as? [[NSNumber]])?.map { $0.map(\.intValue) } ?? [] }
    func pair(_ key: String) -> Pair { Pair(integers(key)[0], integers(key)[1]) }
    var reduction: LossReduction { string("reduction") == "none" ? .none : string("reduction") == "sum" ? .sum : .mean }
}

/// max |a - b| <= t max |b|, NaN and infinities where the other has them.
func expectClose(_ actual: Tensor, _ expected: Tensor, within tolerance: Float, _ what: String) throws {
    // A file cannot tell a single number from a vector of one.
    #expect(actual.shape == expected.shape || (actual.count == 1 && expected.count == 1), "\(what): the shape")
    if actual.type == .int32 {
        let (a, b) = (
            try actual.integers(), expected.type == .int32 ? try expected.integers() : try expected.floats().map { Int32($0) }
        )
        #expect(a == b, "\(what)")
        return
    }
    let (a, b) = (try actual.floats(), try expected.floats())
    var largest: Float = 0, difference: Float = 0, misplaced = 0
    for (x, y) in zip(a, b) {
        if x.isFinite, y.isFinite {
            largest = max(largest, abs(y))
            difference = max(difference, abs(x - y))
        } else if !(x.isNaN && y.isNaN || x == y) {
            misplaced += 1
        }
    }
    #expect(misplaced == 0, "\(what): NaN or infinity")
    #expect(difference <= tolerance * max(largest, 1e-30), "\(what): off by \(difference) where the largest is \(largest)")
}

/// The devices that tests run on: the CPU path, and every OpenCL device found.
enum TestDevices {
    static let ids: [String] = ((try? Devices.list().usable.map(\.id)) ?? ["cpu"])

    static func named(_ id: String) throws -> any Device { try cache.device(id) }

    private static let cache = Cache()

    private final class Cache: @unchecked Sendable {
        private let lock = NSLock()
        private var devices: [String: any Device] = [:]

        func device(_ id: String) throws -> any Device {
            lock.lock()
            defer { lock.unlock() }
            if let device = devices[id] { return device }
            let device = try Devices.choose(id).device
            devices[id] = device
            return device
        }
    }
}
