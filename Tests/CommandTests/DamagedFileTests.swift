import Foundation
import Martlet
import Testing

/// Data and weights that are missing, cut short, mislabelled or too large: one line that names the file, and never a trap.
struct DamagedFileTests {
    private func train(_ data: String, _ scratch: Scratch, _ more: [String] = []) throws -> Program.Result {
        try Program.run(
            ["train", "mlp", "--device", "cpu", "--steps", "2", "--set", "hidden=4", "--out", "new", "--data", data] + more,
            in: scratch.path)
    }

    /// An IDX file of bytes.
    private func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
        var data = Data([0, 0, 8, UInt8(sizes.count)])
        for size in sizes { for shift in [24, 16, 8, 0] { data.append(UInt8(truncatingIfNeeded: size >> shift)) } }
        return data + Data(bytes)
    }

    @Test func idxFiles() throws {
        let scratch = Scratch()
        let images = idx([4, 28, 28], [UInt8](repeating: 7, count: 4 * 784)), labels = idx([4], [0, 1, 2, 3])
        let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
        let bomb = try #require(Self.gzipped(zeros: 64 << 20, in: scratch))
        let cases: [(Data?, Data?, Int, String)] = [
            (nil, labels, 0, "no images"), (images, nil, 1, "no labels"),
            (images.prefix(images.count / 2), labels, 0, "cut short"),
            (labels, labels, 0, "labels as images"), (images, images, 1, "images as labels"),
            (images, idx([4], [0, 1, 2, 11]), 1, "a label outside the classes"),
            (images, idx([3], [0, 1, 2]), 1, "too few labels"),
            (images + Data([1]), labels, 0, "too long"), (Data(), labels, 0, "empty"), (Data("hello".utf8), labels, 0, "text"),
            (idx([0x7FFF_FFFF, 0x7FFF_FFFF, 0x7FFF_FFFF], []), labels, 0, "a size beyond all bounds"),
        ]
        for (first, second, culprit, what) in cases {
            try? FileManager.default.removeItem(atPath: scratch.path + "/set")
            try scratch.write("", to: "set/keep")
            for (name, data) in zip(names, [first, second]) { if let data { try scratch.write(data, to: "set/\(name)") } }
            for prefix in ["images-idx3", "labels-idx1"] {
                try scratch.write(prefix.hasPrefix("i") ? images : labels, to: "set/t10k-\(prefix)-ubyte")
            }
            let word = what == "too few labels" ? "set/train-" : what.hasPrefix("no ") ? "set" : "set/" + names[culprit]
            expectRefusal(try train("mnist:set", scratch), [word], what)
        }
        try scratch.write(images, to: "set/\(names[0])")
        try scratch.write(labels, to: "set/\(names[1])")
        #expect(try train("mnist:set", scratch).status == 0)
        try FileManager.default.removeItem(atPath: scratch.path + "/set/\(names[0])")
        try scratch.write(bomb, to: "set/\(names[0]).gz")
        expectRefusal(try train("mnist:set", scratch), [names[0] + ".gz"], "a gzip bomb")
        try scratch.write(bomb.prefix(bomb.count / 2), to: "set/\(names[0]).gz")
        expectRefusal(try train("mnist:set", scratch), [names[0] + ".gz"], "a gzip file cut short")
    }

    private static func gzipped(zeros count: Int, in scratch: Scratch) -> Data? {
        _ = try? Program.shell("head -c \(count) /dev/zero | gzip -1 > zeros.gz", in: scratch.path)
        return try? scratch.read("zeros.gz")
    }

    @Test func tables() throws {
        let scratch = Scratch()
        let cases: [(String, String)] = [
            ("a,b,class\n1,2,x\n3,nan,y\n", "t.csv:3"), ("a,b,class\n1,2,x\n3,inf,y\n", "t.csv:3"),
            ("a,b,class\n1,2,x\n3,y\n", "t.csv:3"), ("a,b,class\n1,2,x\n3,word,y\n", "t.csv:3"), ("", "t.csv"),
            ("a,b,class\n", "t.csv"), ("a\n1\n", "t.csv"), ("\u{0}\u{1}\u{2}", "t.csv"), ("a,b,class\n1,\"2,x\n", "t.csv"),
        ]
        for (text, word) in cases {
            try scratch.write(text, to: "t.csv")
            expectRefusal(try train("csv:t.csv", scratch), [word], text)
        }
        expectRefusal(try train("csv:none.csv", scratch), ["none.csv"], "missing")
        let good = "a,b,class\n" + (0..<40).map { "\($0),\(40 - $0),\($0 % 2 == 0 ? "x" : "y")" }.joined(separator: "\n") + "\n"
        try scratch.write(good, to: "t.csv")
        expectRefusal(try train("csv:t.csv", scratch, ["--set", "shift=1"]), ["shift", "images"], "augmentation of numbers")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
        let result = try train("csv:t.csv", scratch)
        #expect(result.status == 0, "\(result.errors)")
        expectRefusal(
            try Program.run(["predict", "t.csv", "--run", "new", "--device", "cpu"], in: scratch.path), ["t.csv", "not images"])
        // Rows that have gone since leave a run nothing to go on with.
        try smallRun(in: scratch, to: "long", ["--data", "csv:t.csv", "--batch-size", "4"])
        try scratch.write(good.split(separator: "\n").prefix(13).joined(separator: "\n") + "\n", to: "t.csv")
        expectRefusal(
            try Program.run(["train", "--resume", "long", "--steps", "20", "--device", "cpu"], in: scratch.path),
            ["t.csv", "batches", "the data it began with"])
        // A model of two classes knows nothing of a third, nor of two others.
        try scratch.write(good + "1,2,z\n3,4,z\n5,6,z\n7,8,z\n9,10,z\n", to: "three.csv")
        try scratch.write(good.replacingOccurrences(of: ",y", with: ",w"), to: "others.csv")
        for (name, words) in [("three.csv", ["3 classes", "2 apart"]), ("others.csv", ["classes", "same order"])] {
            expectRefusal(
                try Program.run(
                    ["evaluate", "--run", "new", "--device", "cpu", "--data", "csv:" + name, "--split", "train"], in: scratch.path
                ),
                words, name)
        }
    }

    @Test func images() throws {
        let scratch = Scratch()
        let dot = Data(try Image(width: 9, height: 8, channels: 3, filledWith: 50).png())
        for kind in ["cat", "dog"] { for number in 0..<5 { try scratch.write(dot, to: "photos/\(kind)/\(number).png") } }
        let settings = ["--set", "image_size=8"]
        #expect(try train("folder:photos", scratch, settings).status == 0)
        // A run is used from any folder, and where its data is gone.
        let moved = ["photos/cat/0.png", "--device", "cpu", "--run", "../new", "--json"]
        try scratch.copy("photos/cat/0.png", to: "kept.png")
        let evaluated = try Program.run(["evaluate", "--run", "../new", "--device", "cpu"], in: scratch.path + "/photos")
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        try FileManager.default.moveItem(atPath: scratch.path + "/photos", toPath: scratch.path + "/elsewhere")
        let predicted = try Program.run(
            ["predict", "0.png"] + moved.dropFirst(),
            in: scratch.path + "/elsewhere/cat".replacingOccurrences(of: "/cat", with: ""))
        #expect(predicted.status == 64 && predicted.errors.contains("0.png"))
        let found = try Program.run(
            ["predict", "../kept.png", "--device", "cpu", "--run", "../new", "--json"], in: scratch.path + "/elsewhere")
        #expect(found.status == 0, "\(found.errors)")
        try FileManager.default.moveItem(atPath: scratch.path + "/elsewhere", toPath: scratch.path + "/photos")
        try FileManager.default.removeItem(atPath: scratch.path + "/new")

        for (bytes, what) in [
            (dot.prefix(dot.count / 2), "cut short"), (Data("text".utf8), "text"), (Data(), "empty"),
            (Data([0xFF, 0xD8, 0xFF]) + Data(repeating: 9, count: 40), "half a JPEG"),
        ] {
            for kind in ["cat", "dog"] { for number in 0..<5 { try scratch.write(bytes, to: "photos/\(kind)/\(number).png") } }
            let result = try train("folder:photos", scratch, settings)
            #expect(result.status == 64 && !result.wasKilled && result.errors.contains(".png"), "\(what): \(result.errors)")
            try scratch.write(bytes, to: "one.png")
            try? FileManager.default.removeItem(atPath: scratch.path + "/new")
        }
        expectRefusal(try train("folder:nowhere", scratch, settings), ["nowhere"])
    }

    /// Cut anywhere, or with other bytes in it, a checkpoint is refused and stays as it is.
    @Test func checkpoints() throws {
        let scratch = Scratch()
        try smallRun(in: scratch, ["--optimizer", "momentum"])
        let dot = try #require(Data(base64Encoded: JSONTests.dot))
        try scratch.write(dot, to: "dot.png")
        let state = try #require(try scratch.files("run").first { $0.hasPrefix("state-") })
        for name in ["last.safetensors", "best.safetensors", state] {
            let whole = try scratch.read("run/\(name)")
            for length in [0, 7, 100, whole.count / 2, whole.count - 1] {
                try scratch.write(whole.prefix(length), to: "run/\(name)")
                let commands =
                    name.hasPrefix("best")
                    ? [
                        ["evaluate", "--run", "run", "--device", "cpu"],
                        ["predict", "dot.png", "--run", "run", "--device", "cpu"], ["inspect", "run"],
                    ]
                    : [["train", "--resume", "run", "--steps", "9", "--device", "cpu"], ["inspect", "run/\(name)"]]
                for command in commands {
                    expectRefusal(try Program.run(command, in: scratch.path), ["run/\(name)"], "\(command[0]) at \(length)")
                }
                #expect(try scratch.read("run/\(name)").count == length)
            }
            try scratch.write(whole, to: "run/\(name)")
        }
        // The weights of another model, and a state that is gone.
        _ = try Program.run(
            ["train", "mlp", "--device", "cpu", "--steps", "1", "--set", "hidden=5", "--out", "other"], in: scratch.path)
        try scratch.copy("run", to: "mixed")
        try scratch.copy("other/last.safetensors", to: "mixed/last.safetensors")
        try scratch.copy("other/best.safetensors", to: "mixed/best.safetensors")
        for command in [["train", "--resume", "mixed", "--steps", "9"], ["evaluate", "--run", "mixed"]] {
            expectRefusal(try Program.run(command + ["--device", "cpu"], in: scratch.path), ["mixed/"], command[0])
        }
        try FileManager.default.removeItem(atPath: scratch.path + "/run/" + state)
        expectRefusal(
            try Program.run(["train", "--resume", "run", "--steps", "9", "--device", "cpu"], in: scratch.path),
            [state, "does not exist"])
        expectRefusal(
            try Program.run(["train", "mlp", "--device", "cpu", "--weights", "other/last.safetensors"], in: scratch.path),
            ["other/last.safetensors", "fc1.weight"])
    }
}
