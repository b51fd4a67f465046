import Foundation
import MartletData
import Testing

@Suite struct WeightWritingTests {
    /// Every type and shape, from every form into every form and back: the same bits.
    @Test func conversionKeepsBits() throws {
        let sources = [
            "types.safetensors", "weights/types.pth", "weights/views-legacy.pth", "weights/deflated.npz", "weights/extra.pth",
            "weights/half.pth",
        ]
        try withTemporaryFolder { folder throws in
            for source in sources {
                for ending in ["safetensors", "pth", "pt", "npz"] {
                    let weights = try WeightFile.read(golden(source))
                    let kept = weights.entries.filter { ending != "npz" || ![.bfloat16, .float8e4m3].contains($0.type) }
                    let path = folder + "/out." + ending
                    try WeightFile.write(kept.map { TensorToStore($0) }, metadata: weights.metadata, to: path)
                    let first = try Data(contentsOf: URL(fileURLWithPath: path))
                    let back = try WeightFile.read(path)
                    #expect(Set(back.entries.map(\.name)) == Set(kept.map(\.name)), "\(source) \(ending)")
                    for entry in kept {
                        let other = try #require(back[entry.name])
                        #expect(other.type == entry.type && other.shape == entry.shape, "\(source) \(ending) \(entry.name)")
                        #expect(try other.bytes() == entry.bytes(), "\(source) \(ending) \(entry.name)")
                    }
                    if ending == "safetensors" { #expect(back.metadata == weights.metadata) }
                    try WeightFile.write(kept.map { TensorToStore($0) }, metadata: weights.metadata, to: path)
                    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first, "\(source) \(ending): other bytes")
                }
            }
        }
    }

    @Test func wideTypesBeginWhereTheyMay() throws {
        try withTemporaryFolder { folder throws in
            let weights = try WeightFile.read(golden("weights/types.pth"))
            let path = folder + "/w.safetensors"
            try SafeTensors.write(weights.entries.reversed().map { TensorToStore($0) }, to: path)
            let sizes = try SafeTensors.read(path).entries.filter { $0.count > 0 }.map(\.type.size)
            #expect(sizes == sizes.sorted(by: >))
        }
    }

    @Test func sixtyFourBitArchivesAreReadBack() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/w.zip"
            let contents: [(String, [UInt8])] = [("a", []), ("b/c", [1, 2, 3]), ("d", Array(repeating: 7, count: 1000))]
            for (limit, countLimit) in [(0, 0), (100, 2), (0xFFFF_FFFF, 0xFFFF)] {
                try AtomicFile.write(to: path) { writer throws(DataError) in
                    var archive = ZipWriter(wideFrom: limit, countLimit: countLimit)
                    for (name, bytes) in contents {
                        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                        try archive.add(name, head: bytes, body: nothing, alignment: 64, to: writer)
                    }
                    try archive.finish(to: writer)
                }
                let archive = try ZipArchive(InputFile(path))
                #expect(archive.entries.map(\.name) == contents.map(\.0))
                for (name, bytes) in contents { #expect(try archive[name]?.contents(limit: 1000) == bytes) }
                #expect(try dataError { _ = try archive["d"]?.contents(limit: 999) }?.kind == .tooLarge)
            }
        }
    }

    @Test func whatCannotBeWrittenIsRefused() throws {
        try withTemporaryFolder { folder throws in
            let extra = try WeightFile.read(golden("weights/extra.pth")).entries.map { TensorToStore($0) }
            #expect(try dataError { try WeightFile.write(extra, to: folder + "/w.npz") }?.problem.contains("F8_E4M3") == true)
            #expect(try dataError { try WeightFile.write(extra, to: folder + "/w.bin") }?.kind == .setting)
            let reserved = [TensorToStore("__metadata__", shape: [1], .floats([1]))]
            #expect(try dataError { try WeightFile.write(reserved, to: folder + "/w.safetensors") }?.kind == .unsupported)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
