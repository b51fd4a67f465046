import Foundation
import MartletData
import Testing

/// Weight files that lie about themselves: refused by name, and never a trap.
@Suite struct HostileWeightTests {
    @Test(arguments: [
        ("beyond.pth", "shape [2, 2] with the strides [2, 1] from 5 on, where its storage has 8 values"),
        ("stride.pth", "strides [5, 1] from 0 on, where its storage has 8 values"),
        ("negative.pth", "makes a tensor of shape [2] with the strides [1]"),
        ("negative-stride.pth", "the extent of a number"), ("overflow.pth", "where its storage has 8 values"),
        ("reach.pth", "where its storage has 8 values"), ("expanded.pth", "makes a tensor of shape [1099511627776]"),
        ("huge.pth", "a storage of 2305843009213693952 values"), ("count.pth", "has 32 bytes, where its pickle says 36"),
        ("absent.pth", "lacks the entry 'a/data/1'"), ("two-ways.pth", "describes the storage '0' in two ways"),
        ("big-endian.pth", "the byte order 'big'"), ("deep.pth", "holds a list with a tuple in it"),
        ("cycle.pth", "a dictionary without tensors, of 'a'"), ("empty-stack.pth", "takes a value that is not there, at byte 2"),
        ("unfinished.pth", "is cut short"), ("recall.pth", "recalls the value 7"),
        ("persistent-text.pth", "the instruction PERSID"),
        ("inst.pth", "the instruction INST"), ("text.pth", "is cut short"), ("extension.pth", "the instruction EXT1"),
        ("bzip2.npz", "packed by method 12"), ("bomb.npz", "claims 4294967294 bytes out of"),
        ("grows.npz", "the array 'a.npy' has 15360 bytes of values, where its shape [4096] takes 16384"),
        ("checksum.npz", "does not match its checksum"),
        ("encrypted.npz", "is encrypted"), ("short.npy", "has 252 bytes of values, where its shape [64] takes 256"),
        ("shape.npy", "has 256 bytes of values, where its shape [65] takes 260"), ("endless.npy", "no dictionary"),
        ("overlap.npz", "overlaps another"),
    ])
    func liesAreRefused(name: String, problem: String) throws {
        let path = golden("weights/refused/" + name)
        let error = try #require(
            try dataError {
                let weights = try WeightFile.read(path)
                for entry in weights.entries { _ = try entry.floats() }
            })
        #expect(error.file == path && error.description.contains(problem), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    /// What inflates to more than it claims is refused before it is stored.
    @Test func inflatedBytesAreCounted() throws {
        try withTemporaryFolder { folder throws in
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden("weights/refused/grows.npz"))))
            // The shape that the smaller claim would fit, so that the values are read.
            let file = try ZipArchive(InputFile(golden("weights/refused/grows.npz")))
            let entry = try #require(file["a.npy"])
            let error = try #require(try dataError { _ = try entry.bytes(entry.count) })
            #expect(error.problem.contains("inflates to more than the \(entry.count) bytes it claims"), "\(error)")
            bytes.removeLast()
            try write(bytes, to: folder + "/cut.npz")
            #expect(try dataError { _ = try WeightFile.read(folder + "/cut.npz") }?.problem.contains("no zip directory") == true)
        }
    }

    @Test(arguments: [
        "types.pth", "views.pth", "training.pth", "deflated.pth", "types-legacy.pth", "views-legacy.pth", "stored.npz",
        "deflated.npz",
        "zip64.npz", "v1.npy", "v2.npy",
    ])
    func damageNeverTraps(name: String) throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden("weights/" + name))))
        try withTemporaryFolder { folder throws in
            let path = folder + "/damaged"
            for bytes in damaged(whole, cuts: 60, flips: 300) {
                try write(bytes, to: path)
                do {
                    let weights = try WeightFile.read(path)
                    #expect(bytes.count == whole.count, "a file cut short was read")
                    for entry in weights.entries {
                        _ = try? entry.floats()
                        _ = try? entry.integers()
                    }
                } catch let error as DataError {
                    #expect(!error.description.contains("\n"))
                }
            }
        }
    }

    /// A file that shrinks after it was opened gives an error, not a fault.
    @Test func aFileCutWhileOpen() throws {
        try withTemporaryFolder { folder throws in
            for ending in ["safetensors", "pth", "npz"] {
                let path = folder + "/w." + ending
                let values = [Float](repeating: 1, count: 100_000)
                try WeightFile.write([TensorToStore("a", shape: [100_000], .floats(values))], to: path)
                let weights = try WeightFile.read(path)
                #expect(truncate(path, 1000) == 0)
                #expect(try dataError { _ = try weights["a"]?.floats() }?.kind == .damaged)
            }
        }
    }
}
