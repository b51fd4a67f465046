import Foundation
import Martlet
import Testing

/// What each command prints with `--json`: these fields, and nothing else on standard output.
struct JSONTests {
    @Test func devices() throws {
        let scratch = Scratch()
        let result = try Program.run(["devices", "--json"], in: scratch.path)
        #expect(result.status == 0 && result.errors.isEmpty)
        let object = try #require(try result.objects().first)
        #expect(result.outputLines.count == 1 && Set(object.keys) == ["devices", "unusable"])
        let devices = try #require(object["devices"] as? [[String: Any]])
        for device in devices {
            #expect(
                Set(device.keys)
                    == ["id", "kind", "name", "vendor", "version", "computeUnits", "memoryBytes", "default"])
            #expect(device["computeUnits"] as? Int ?? 0 > 0 && device["memoryBytes"] as? Int ?? 0 > 0)
        }
        #expect(devices.contains { $0["id"] as? String == "cpu" })
        #expect(devices.filter { $0["default"] as? Bool == true }.count == 1)
        for entry in try #require(object["unusable"] as? [[String: Any]]) {
            #expect(Set(entry.keys) == ["name", "reason", "remedy"])
        }
    }

    private static let row: Set = ["epoch", "step", "trainLoss", "valLoss", "metrics", "seconds", "samplesPerSecond"]

    @Test(arguments: [false, true]) func train(bySteps: Bool) throws {
        let scratch = Scratch()
        let length = bySteps ? ["--steps", "25", "--log-every", "10"] : ["--epochs", "3"]
        let result = try Program.run(
            ["train", "mlp", "--json", "--device", "cpu", "--set", "hidden=16", "--batch-size", "256", "--out", "run"] + length,
            in: scratch.path)
        #expect(result.status == 0, "\(result.errors)")
        let lines = try result.objects()
        #expect(lines.count == 4)
        for line in lines.dropLast() {
            #expect(Self.row.isSubset(of: Set(line.keys)))
            #expect(line["trainLoss"] is NSNumber && line["valLoss"] is NSNumber)
            let metrics = try #require(line["metrics"] as? [String: Any])
            #expect(Set(metrics.keys) == ["accuracy", "top5"])
        }
        #expect(lines.dropLast().map { $0["step"] as? Int } == (bySteps ? [10, 20, 25] : [6, 12, 18]))
        let last = try #require(lines.last)
        #expect(Set(last.keys) == ["run", "best", "metrics", "device", "skipped"])
        #expect(last["run"] as? String == "run" && last["device"] as? String == "cpu")
        let best = try #require(last["best"] as? [String: Any])
        #expect(best["metric"] as? String == "accuracy" && best["value"] is NSNumber)
        #expect(!result.errors.contains("\u{1B}") && !result.errors.contains("█"))
        #expect(
            try scratch.text("run/metrics.jsonl")
                == lines.dropLast().enumerated().map { "\(result.outputLines[$0.offset])\n" }.joined())
    }

    @Test func evaluatePredictInspectAndVerify() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        let evaluated = try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--json"], in: scratch.path)
        let figures = try #require(try evaluated.objects().first)
        #expect(evaluated.status == 0 && evaluated.outputLines.count == 1)
        #expect(Set(figures.keys) == ["split", "loss", "metrics", "samples", "seconds", "skipped"])
        #expect(figures["split"] as? String == "val" && figures["samples"] as? Int == 359)

        for name in ["a", "b"] { try scratch.write(try #require(Data(base64Encoded: Self.dot)), to: "\(name).png") }
        let predicted = try Program.run(
            ["predict", "a.png", "b.png", "--run", "run", "--device", "cpu", "--json", "--top", "3"], in: scratch.path)
        let answers = try predicted.objects()
        #expect(predicted.status == 0 && answers.map { $0["file"] as? String } == ["a.png", "b.png"], "\(predicted.errors)")
        for answer in answers {
            #expect(Set(answer.keys) == ["file", "top"])
            let top = try #require(answer["top"] as? [[String: Any]])
            let shares = top.compactMap { ($0["probability"] as? NSNumber)?.doubleValue }
            #expect(top.count == 3 && shares == shares.sorted(by: >) && shares.allSatisfy { (0...1).contains($0) })
            #expect(top.allSatisfy { Set($0.keys) == ["label", "probability"] })
        }

        for target in ["run", "run/last.safetensors"] {
            let inspected = try Program.run(["inspect", target, "--json"], in: scratch.path)
            let tensors = try #require(try inspected.objects().first?["tensors"] as? [[String: Any]])
            #expect(tensors.map { $0["name"] as? String } == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
            #expect(tensors[0]["shape"] as? [Int] == [16, 64] && tensors[0]["type"] as? String == "F32")
        }

        let verified = try Program.run(["verify", "Softmax", "--device", "cpu", "--json"], in: scratch.path)
        let report = try #require(try verified.objects().first)
        #expect(verified.status == 0 && verified.outputLines.count == 1)
        #expect(Set(report.keys) == ["device", "passed", "failed", "skipped", "failures"])
        #expect(report["passed"] as? Int ?? 0 > 0 && report["failed"] as? Int == 0)
    }

    /// A grey picture of 8 x 8 as PNG.
    static let dot =
        "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR4nGNogAIGyhgAgIQgAQ2AJGEAAAAASUVORK5CYII="

    @Test func helpIsNoError() throws {
        let scratch = Scratch()
        for arguments in [["--help"], ["--version"], ["train", "--help"], ["train", "--list"], []] {
            let result = try Program.run(arguments, in: scratch.path)
            #expect(result.status == 0 && result.errors.isEmpty && !result.output.isEmpty, "\(arguments)")
        }
    }

    @Test func outputThatCannotBeWrittenIsSaid() throws {
        let result = try Program.shell("\"$M\" devices --json > /dev/full", in: "/")
        expectRefusal(result, ["standard output"], status: 1)
    }
}
