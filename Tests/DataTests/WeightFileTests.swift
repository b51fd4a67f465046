import Foundation
import MartletData
import Testing

/// Every form of weight file, as PyTorch, numpy and safetensors write them.
@Suite struct WeightFileTests {
    struct Expected: Decodable {
        var shape: [Int]
        var values: [Double]
    }

    @Test func readsWhatTheReferencesWrite() throws {
        let files = try golden("weights/expected.json", as: [String: [String: Expected]].self)
        #expect(files.count == 20)
        for (name, expected) in files {
            let weights = try WeightFile.read(golden("weights/" + name))
            #expect(Set(weights.entries.map(\.name)) == Set(expected.keys), "\(name)")
            for entry in weights.entries {
                let right = try #require(expected[entry.name])
                #expect(entry.shape == right.shape, "\(name) \(entry.name)")
                #expect(try entry.floats() == right.values.map { Float($0) }, "\(name) \(entry.name)")
                if entry.type.isInteger {
                    #expect(try entry.integers() == right.values.map { Int32($0) }, "\(name) \(entry.name)")
                }
                #expect(try entry.bytes().count == entry.count * entry.type.size, "\(name) \(entry.name)")
            }
        }
    }

    @Test func tellsTheFormatByContent() throws {
        let formats: [(String, WeightFile.Format)] = [
            ("weights/types.pth", .torch), ("weights/types-legacy.pth", .torchLegacy), ("weights/stored.npz", .numpyArchive),
            ("weights/v1.npy", .numpy), ("types.safetensors", .safetensors),
        ]
        try withTemporaryFolder { folder throws in
            for (name, format) in formats {
                let path = folder + "/weights.dat"
                try? FileManager.default.removeItem(atPath: path)
                try FileManager.default.copyItem(atPath: golden(name), toPath: path)
                let weights = try WeightFile.read(path)
                #expect(weights.format == format && !weights.entries.isEmpty)
            }
        }
    }

    @Test func typesAreKept() throws {
        for name in ["types.pth", "types-legacy.pth", "protocol4.pth", "deflated.pth", "stored.npz"] {
            let weights = try WeightFile.read(golden("weights/" + name))
            let types: [String: StoredType] = [
                "f64": .float64, "f32": .float32, "f16": .float16, "bf16": .bfloat16, "i64": .int64, "i32": .int32, "i16": .int16,
                "i8": .int8, "u8": .uint8, "bool": .bool, "scalar": .float32, "empty": .float32,
            ]
            for (key, type) in types where !(name == "stored.npz" && key == "bf16") {
                #expect(weights[key]?.type == type, "\(name) \(key)")
            }
        }
        let extra = try WeightFile.read(golden("weights/extra.pth"))
        #expect(try extra["u16"]?.integers() == [0, 65535])
        #expect(extra["u32"]?.type == .uint32 && extra["u64"]?.type == .uint64 && extra["e4m3"]?.type == .float8e4m3)
        #expect(try extra["u64"]?.floats() == [7, 0x1p40])
        #expect(try extra["e4m3"]?.bytes() == [0x30, 0xC0])
    }

    @Test func saysWhatItUnwraps() throws {
        for suffix in ["", "-legacy"] {
            let training = try WeightFile.read(golden("weights/training\(suffix).pth"))
            #expect(training.notes.count == 2)
            #expect(training.notes.first == "takes the entry 'state_dict'")
            #expect(training.notes.last?.contains("epoch, optimizer, best, arch") == true, "\(training.notes)")
        }
        #expect(
            try WeightFile.read(golden("weights/wrapped.pth")).notes == [
                "takes the entry 'model'", "takes the entry 'state_dict'",
            ])
        #expect(try WeightFile.read(golden("weights/types.pth")).notes.isEmpty)
    }

    @Test(arguments: [
        ("system.pth", "names 'posix.system', which is no part of a state dict and is not run"),
        ("system-legacy.pth", "names 'posix.system', which is no part of a state dict and is not run"),
        ("eval.pth", "names '__builtin__.eval'"), ("module.pth", "names 'torch.nn.modules.container.Sequential'"),
        ("complex.pth", "a tensor of complex numbers"), ("sparse.pth", "a sparse tensor"),
        ("numbers.pth", "holds a dictionary without tensors, of 'a, b'"),
        ("several.pth", "several dictionaries of tensors, 'x, y'"),
        ("script.pt", "is a TorchScript program"), ("big.npy", "big-endian order ('>f4')"),
        ("objects.npy", "holds Python objects"),
        ("complex.npy", "holds complex numbers"), ("records.npy", "records"), ("text.npz", "holds text"),
        ("old.pth", "is a tar archive"), ("other.zip", "zip archive without weights"),
    ])
    func whatIsNoStateDictIsRefused(name: String, problem: String) throws {
        let path = golden("weights/refused/" + name)
        let error = try #require(try dataError { _ = try WeightFile.read(path) })
        #expect(error.file == path && error.kind == .unsupported)
        #expect(error.problem.contains(problem), "\(error)")
        #expect(!error.description.contains("\n"))
        #expect(!FileManager.default.fileExists(atPath: "hostile-was-run"))
    }

    @Test func otherFilesAreRefused() throws {
        try withTemporaryFolder { folder throws in
            #expect(try dataError { _ = try WeightFile.read(folder + "/none") }?.kind == .missing)
            #expect(try dataError { _ = try WeightFile.read(folder) }?.problem == "is a folder")
            let path = folder + "/f.pth"
            let cases: [([UInt8], String)] = [
                ([], "too few"), (Array("<!DOCTYPE html>".utf8), "a web page"), ([0x1F, 0x8B, 8, 0], "gzip"),
                (Array("version https://git-lfs.github.com/spec/v1".utf8), "git-lfs"),
                ([0x80, 2, 0x4E, 0x2E], "a pickle that is no"),
                (Array("GGUF....".utf8), "GGUF"), (Array("PK\u{3}\u{4}zip archive".utf8), "no zip directory"),
                (Array("hello, this is text".utf8), "does not begin with the length of a header"),
            ]
            for (bytes, problem) in cases {
                try write(bytes, to: path)
                let error = try dataError { _ = try WeightFile.read(path) }
                #expect(
                    error?.problem.contains(problem) == true && error?.file == path, "\(problem): \(error?.description ?? "read")"
                )
            }
        }
    }

    /// The pretrained SqueezeNet of the real data.
    @Test func readsPretrainedWeights() throws {
        guard let folder = real("squeezenet") else { return }
        let weights = try WeightFile.read(folder + "/squeezenet1_0.pth")
        #expect(weights.entries.count == 52 && weights.entries.first?.name == "features.0.weight")
        #expect(weights["features.0.weight"]?.shape == [96, 3, 7, 7] && weights["classifier.1.bias"]?.shape == [1000])
        #expect(weights.entries.reduce(0) { $0 + $1.count } == 1_248_424)
        #expect(try weights["features.0.weight"]?.floats().allSatisfy(\.isFinite) == true)
    }
}
