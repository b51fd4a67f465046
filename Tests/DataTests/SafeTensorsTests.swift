import Foundation
import MartletData
import Testing

/// A file with this header and so many bytes of values.
private func file(_ header: String, values: Int) -> [UInt8] {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    return length + Array(header.utf8) + Array(repeating: 0, count: values)
}

@Suite struct SafeTensorsTests {
    @Test func readsWhatTheReferenceWrites() throws {
        let weights = try SafeTensors.read(golden("types.safetensors"))
        #expect(weights.entries.count == 13)
        #expect(weights.metadata == ["format": "pt", "note": "a \"quoted\"\nline é"])
        for (name, expected) in try golden("types.json", as: [String: [Double]].self) {
            let tensor = try #require(weights[name])
            #expect(try tensor.floats() == expected.map { Float($0) }, "\(name)")
        }
        #expect(weights["f32"]?.shape == [2, 3])
        #expect(weights["scalar"]?.shape == [])
        #expect(weights["empty"]?.shape == [0, 3])
        #expect(try weights["empty"]?.floats() == [])
        #expect(try weights["i64"]?.integers() == [.min, 0, .max])
        #expect(try weights["i32"]?.integers() == [.min, 0, .max])
        #expect(try weights["i16"]?.integers() == [-32768, 32767])
        #expect(try weights["i8"]?.integers() == [-128, 127])
        #expect(try weights["i8"]?.floats() == [-128, 127])
        #expect(try weights["u8"]?.integers() == [0, 255])
        #expect(try weights["u8"]?.bytes() == [0, 255])
        #expect(try weights["bool"]?.integers() == [1, 0, 1])
        #expect(try weights["bool"]?.floats() == [1, 0, 1])
        #expect(throws: DataError.self) { try weights["i64.large"]?.integers() }
        #expect(throws: DataError.self) { try weights["f32"]?.integers() }
        #expect(weights["absent"] == nil)
    }

    @Test func writingAndReadingGivesTheSameBits() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/w.safetensors"
            let special: [Float] = [.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3]
            let tensors = [
                TensorToStore("a.weight", shape: [7], .floats(special)),
                TensorToStore("b\"\\\n\u{1}é", shape: [2, 1, 2], .integers([1, -1, .max, .min])),
                TensorToStore("none", shape: [4, 0], .floats([])),
                TensorToStore("scalar", shape: [], .floats([5])),
            ]
            let metadata = ["step": "12", "näme": "\"\\\t"]
            try SafeTensors.write(tensors, metadata: metadata, to: path)
            let first = try Data(contentsOf: URL(fileURLWithPath: path))
            let back = try SafeTensors.read(path)
            #expect(back.metadata == metadata)
            #expect(Set(back.entries.map(\.name)) == Set(tensors.map(\.name)))
            #expect(try back["a.weight"]?.floats().map(\.bitPattern) == special.map(\.bitPattern))
            #expect(try back["b\"\\\n\u{1}é"]?.integers() == [1, -1, .max, .min])
            #expect(back["b\"\\\n\u{1}é"]?.shape == [2, 1, 2])
            #expect(back["none"]?.shape == [4, 0])
            #expect(try back["scalar"]?.floats() == [5])
            try SafeTensors.write(tensors, metadata: metadata, to: path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["w.safetensors"])
            try SafeTensors.write([], to: path)
            #expect(try SafeTensors.read(path).entries.isEmpty)
        }
    }

    @Test(arguments: [
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12,
            "overlaps"
        ),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "belong to no tensor"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12, "belong to no tensor"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "within the tensor"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "offsets 0 to 8"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}"#, 0, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 0, "the offsets [-4, 0]"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#, 8, "the offsets [8, 4]"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "the offsets [0]"),
        (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "header"),
        (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4, "header"),
        (#"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#, 4, "unknown type 'Q4'"),
        (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "entry 'a' is not as the format has it"),
        (#"{"a":5}"#, 0, "entry 'a' is not as the format has it"),
        (#"{"__metadata__":{"a":1}}"#, 0, "entry '__metadata__' is not as the format has it"),
        (#"[1,2,3,4]"#, 0, "JSON header"),
        (#"{"a":"#, 0, "not JSON"),
    ])
    func badHeadersAreRefused(header: String, values: Int, expected: String) throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/bad.safetensors"
            try write(file(header, values: values), to: path)
            let error = try #require(try dataError { _ = try SafeTensors.read(path) })
            #expect(error.file == path && error.kind == .damaged)
            #expect(error.problem.contains(expected), "\(error)")
            #expect(!error.description.contains("\n"))
        }
    }

    @Test func otherFilesAreRefused() throws {
        try withTemporaryFolder { folder throws in
            #expect(try dataError { _ = try SafeTensors.read(folder + "/none") }?.kind == .missing)
            #expect(try dataError { _ = try SafeTensors.read(folder) }?.problem == "is a folder")
            let path = folder + "/short"
            for bytes in [
                [], [1, 2, 3], Array(repeating: 255, count: 8) + Array(repeating: 0, count: 100),
                Array("PK\u{3}\u{4}zip archive".utf8),
            ] {
                try write(bytes, to: path)
                #expect(try dataError { _ = try SafeTensors.read(path) }?.kind == .damaged)
            }
        }
    }

    @Test func damageNeverTraps() throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden("types.safetensors"))))
        try withTemporaryFolder { folder throws in
            let path = folder + "/damaged"
            for bytes in damaged(whole) {
                try write(bytes, to: path)
                guard let weights = try? SafeTensors.read(path) else { continue }
                #expect(bytes.count == whole.count, "a file cut short was read")
                for entry in weights.entries {
                    _ = try? entry.floats()
                    _ = try? entry.integers()
                }
            }
        }
    }

    /// A file that shrinks after it was opened gives an error, not a fault.
    @Test func aFileCutWhileOpen() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/w.safetensors"
            try SafeTensors.write([TensorToStore("a", shape: [100_000], .floats(Array(repeating: 1, count: 100_000)))], to: path)
            let weights = try SafeTensors.read(path)
            #expect(truncate(path, 1000) == 0)
            #expect(try dataError { _ = try weights["a"]?.floats() }?.kind == .damaged)
        }
    }
}
