import Foundation
import Testing

/// inspect and convert over all forms of weight files, and weights of other origins in train, evaluate and predict.
struct WeightCommandTests {
    private static let golden =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/Golden/data/"

    @Test func convertAndInspect() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        let original = try inspected("run", scratch)
        var last = "run"
        for (step, ending) in ["pth", "npz", "safetensors", "pt"].enumerated() {
            let name = "w\(step).\(ending)"
            let result = try Program.run(["convert", last, name, "--json"], in: scratch.path)
            let object = try #require(try result.objects().first)
            #expect(result.status == 0 && Set(object.keys) == ["tensors", "bytes"], "\(result.errors)")
            let size = try scratch.read(name).count
            #expect(object["tensors"] as? Int == 4 && object["bytes"] as? Int == size)
            #expect(try inspected(name, scratch) == original, "\(ending)")
            last = name
        }
        // Weights that have been through all forms judge as the run does.
        let run = try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--json"], in: scratch.path)
        for name in ["w0.pth", "w1.npz", "w2.safetensors", last] {
            let weights = try Program.run(
                ["evaluate", "--model", "mlp", "--set", "hidden=16", "--weights", name, "--device", "cpu", "--json"],
                in: scratch.path)
            #expect(weights.status == 0, "\(weights.errors)")
            #expect(try weights.objects()[0]["loss"] as? Double == run.objects()[0]["loss"] as? Double, "\(name)")
        }
        let trained = try Program.run(
            ["train", "mlp", "--set", "hidden=16", "--weights", "w0.pth", "--device", "cpu", "--epochs", "0", "--out", "again"],
            in: scratch.path)
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(try inspected("again", scratch) == original)
    }

    private func inspected(_ name: String, _ scratch: Scratch) throws -> Set<String> {
        let result = try Program.run(["inspect", name, "--json"], in: scratch.path)
        #expect(result.status == 0, "\(result.errors)")
        let tensors = try #require(try result.objects().first?["tensors"] as? [[String: Any]])
        return Set(tensors.map { "\($0["name"] ?? "") \($0["shape"] ?? "") \($0["type"] ?? "")" })
    }

    @Test func whatDoesNotFitIsListed() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        let more = ["--model", "mlp", "--set", "hidden=16", "--device", "cpu", "--weights"]
        // Another model's state dict, and one that a training script has put among other things.
        for name in ["types.pth", "training.pth"] {
            expectRefusal(
                try Program.run(["evaluate"] + more + [Self.golden + "weights/" + name], in: scratch.path),
                [name, "none of its tensors fits this model", "fc1.weight is missing", "is unexpected"], name)
        }
        let other = ["evaluate", "--model", "mlp", "--set", "hidden=15", "--device", "cpu", "--weights", "run/last.safetensors"]
        expectRefusal(
            try Program.run(other, in: scratch.path),
            ["fc1.weight is [16, 64], not [15, 64]", "fc1.bias is [16], not [15]", "fc2.weight is [10, 16], not [10, 15]"])
        let table = try Program.run(["inspect", Self.golden + "weights/training.pth", "--model", "lenet"], in: scratch.path)
        #expect(table.status == 0 && table.errors.contains("takes the entry 'state_dict'"), "\(table.errors)")
        #expect(table.outputLines.first?.split(separator: " ") == ["tensor", "problem", "model", "file"])
        #expect(
            table.outputLines.contains {
                $0.hasPrefix("conv.weight") && $0.contains("unexpected") && $0.hasSuffix("[3, 2, 3, 3]")
            })
        #expect(table.outputLines.contains { $0.contains("missing") })
        expectRefusal(
            try Program.run(["convert", "run", "run.bin"], in: scratch.path),
            ["run.bin", "names no format", ".safetensors, .npz"])
        expectRefusal(
            try Program.run(
                ["predict", "x.png", "--model", "mlp", "--weights", "run/none.pth", "--device", "cpu"], in: scratch.path),
            ["run/none.pth", "does not exist"])
        for name in ["system.pth", "system-legacy.pth"] {
            expectRefusal(
                try Program.run(["evaluate"] + more + [Self.golden + "weights/refused/" + name], in: scratch.path),
                [name, "names 'posix.system'", "is not run"], name)
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/hostile-was-run"))
    }
}
