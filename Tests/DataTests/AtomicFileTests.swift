import Foundation
import MartletData
import Testing

@Suite struct AtomicFileTests {
    @Test func replacesTheFile() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/f"
            try AtomicFile.write([1, 2], to: path)
            try AtomicFile.write([3], to: path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([3]))
            let link = folder + "/link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            try AtomicFile.write([4], to: link)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([4]))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["f", "link"])
        }
    }

    @Test func placesThatCannotBeWrittenAreRefused() throws {
        try withTemporaryFolder { folder throws in
            #expect(try dataError { try AtomicFile.write([1], to: folder + "/none/f") }?.problem == "its folder does not exist")
            #expect(try dataError { try AtomicFile.write([1], to: folder) }?.problem == "exists and is not a file")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func whatKilledProcessesLeftIsRemoved() throws {
        try withTemporaryFolder { folder throws in
            let own = getpid(), gone: pid_t = 1 << 22  // Linux gives numbers below this one only.
            let left = [".metrics.jsonl.\(gone)-1.tmp", ".gates.svg.\(own)-12.tmp"]
            let kept = [".f.1-1.tmp", ".f.tmp", ".f.x-1.tmp", ".f.\(gone)-1-1.tmp", "f.\(gone)-1.tmp", ".f.\(gone)-1", "f"]
            for name in left + kept { try Data().write(to: URL(fileURLWithPath: folder + "/" + name)) }
            AtomicFile.removeUnfinished(in: folder)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == kept.sorted())
            AtomicFile.removeUnfinished(in: folder + "/none")
        }
    }

    /// In a process of its own, since the limit on the size of files, which plays the full disk, holds for all of it.
    @Test func aFullDiskLeavesTheEarlierFile() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            try withTemporaryFolder { folder throws in
                let path = folder + "/w.safetensors"
                let small = [TensorToStore("a", shape: [3], .floats([1, 2, 3]))]
                try SafeTensors.write(small, to: path)
                let large = [TensorToStore("a", shape: [3000], .floats(Array(repeating: 1, count: 3000)))]
                let error = try dataError { try SafeTensors.write(large, to: path) }
                #expect(error?.kind == .diskFull)
                #expect(error?.file == path)
                #expect(try SafeTensors.read(path)["a"]?.floats() == [1, 2, 3])
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["w.safetensors"])
            }
        }
    }
}
