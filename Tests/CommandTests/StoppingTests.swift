import Foundation
import Testing

/// Runs that are stopped, killed, or run out of room or of numbers: what was saved stays good.
@Suite(.serialized) struct StoppingTests {
    private static let devices: [String] = {
        let scratch = Scratch()
        let lines = try? Program.run(["devices", "--json"], in: scratch.path).objects()
        let found = (lines?.first?["devices"] as? [[String: Any]])?.compactMap { $0["id"] as? String } ?? []
        return found.isEmpty ? ["cpu"] : found
    }()

    private func training(_ out: String, _ device: String, steps: Int = 200) -> [String] {
        [
            "train", "mlp", "--device", device, "--set", "hidden=64", "--set", "dropout=0.2", "--batch-size", "16", "--steps",
            "\(steps)", "--log-every", "60", "--out", out,
        ]
    }

    /// Waits until a file is there, for half a minute at most.
    private func wait(for path: String, _ running: Program.Running) {
        let end = Date() + 30
        while !FileManager.default.fileExists(atPath: path), running.process.isRunning, Date() < end { usleep(2_000) }
    }

    @Test(arguments: devices, [SIGINT, SIGTERM]) func aSignalSavesAndResumingGivesTheSameBits(_ device: String, _ signal: Int32)
        throws
    {
        let scratch = Scratch(), steps = 900
        let whole = try Program.run(training("whole", device, steps: steps), in: scratch.path)
        try #require(whole.status == 0, "\(whole.errors)")
        let running = try Program.start(training("parts", device, steps: steps) + ["--json"], in: scratch.path)
        wait(for: scratch.path + "/parts/metrics.jsonl", running)
        kill(running.process.processIdentifier, signal)
        let stopped = running.finish()
        #expect(stopped.status == 128 + signal && !stopped.wasKilled, "\(stopped.status) \(stopped.errors)")
        #expect(stopped.errors.contains("--resume parts"))
        #expect(try stopped.objects().last?.keys.contains("run") == true)
        let resumed = try Program.run(["train", "--resume", "parts", "--device", device], in: scratch.path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        for name in ["last.safetensors", "best.safetensors"] {
            #expect(try scratch.read("whole/\(name)") == scratch.read("parts/\(name)"), "\(name)")
        }
        #expect(try scratch.text("whole/metrics.jsonl").split(separator: "\n").count == 15)
        #expect(try scratch.text("parts/metrics.jsonl").split(separator: "\n").count == 15)
    }

    /// Killed at moments from its start to its end, a run can be gone on with, or begun in the same folder where nothing was saved yet.
    @Test func killedAtAnyMoment() throws {
        let scratch = Scratch()
        var arguments = training("whole", "cpu", steps: 100)
        arguments[arguments.firstIndex(of: "60")!] = "2"
        let started = Date()
        try #require(try Program.run(arguments, in: scratch.path).status == 0)
        let unfinished = [".metrics.jsonl", "figures/.loss.svg", ".state-2.safetensors"].map { $0 + ".\(1 << 22)-3.tmp" }
        let length = Date().timeIntervalSince(started)
        for attempt in 0..<5 {
            let name = "run\(attempt)"
            arguments[arguments.count - 1] = name
            let running = try Program.start(arguments, in: scratch.path)
            usleep(UInt32(length * Double(attempt + 1) / 6 * 1e6))
            kill(running.process.processIdentifier, SIGKILL)
            _ = running.finish()
            for file in unfinished { try scratch.write("", to: "\(name)/\(file)") }
            let isRun = FileManager.default.fileExists(atPath: scratch.path + "/\(name)/config.yaml")
            let second = try Program.run(isRun ? ["train", "--resume", name, "--device", "cpu"] : arguments, in: scratch.path)
            #expect(second.status == 0, "\(attempt): \(second.errors)")
            #expect(try scratch.read("whole/last.safetensors") == scratch.read("\(name)/last.safetensors"), "\(attempt)")
            for folder in [name, name + "/figures"] {
                #expect(try scratch.files(folder).allSatisfy { !$0.hasSuffix(".tmp") })
            }
        }
    }

    @Test(arguments: devices) func aLossThatIsNotFinite(_ device: String) throws {
        let scratch = Scratch()
        let result = try Program.run(training("run", device) + ["--learning-rate", "1e30"], in: scratch.path)
        #expect(result.status == 1 && !result.wasKilled && result.output.isEmpty)
        let line = try #require(result.errorLines.last)
        #expect(line.contains("step ") && (line.contains("first in ") || line.contains("the parameter ")), "\(line)")
        #expect(line.contains("run") && line.contains("--learning-rate"))
        #expect(try Program.run(["inspect", "run"], in: scratch.path).status == 0)
        #expect(try Program.run(["train", "--resume", "run", "--epochs", "0", "--device", device], in: scratch.path).status == 0)
    }

    /// With the room for a file limited, as on a disk that fills up.
    @Test func noRoom() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        let before = try scratch.read("run/last.safetensors")
        let full = try Program.shell(
            "ulimit -f 1; \"$M\" train --resume run --steps 9 --device cpu 2> said; echo $?; cat said", in: scratch.path)
        #expect(full.output.hasPrefix("1\n") && full.output.contains("cannot be written"), "\(full.output)")
        #expect(try scratch.read("run/last.safetensors") == before)
        let again = try Program.run(["train", "--resume", "run", "--steps", "9", "--device", "cpu"], in: scratch.path)
        #expect(again.status == 0, "\(again.errors)")
        // Where not even the first checkpoint fits, nothing looks like a run.
        let none = try Program.shell(
            "ulimit -f 1; \"$M\" train mlp --steps 9 --device cpu --out new 2> said; echo $?; cat said", in: scratch.path)
        #expect(none.output.hasPrefix("1\n") && none.output.contains("new/"), "\(none.output)")
        try smallRun(in: scratch, to: "new")
    }

    @Test(arguments: [nil, "/nonexistent/driver.so", "."]) func noDriver(_ driver: String?) throws {
        let scratch = Scratch()
        try scratch.write("", to: "drivers/readme")
        try scratch.write("no library", to: "false.so")
        if let driver {
            try scratch.write((driver == "." ? scratch.path + "/false.so" : driver) + "\n", to: "drivers/broken.icd")
        }
        let environment = ["OCL_ICD_VENDORS": scratch.path + "/drivers"]
        let arguments = ["train", "mlp", "--steps", "1", "--set", "hidden=4", "--json", "--out", "run"]
        let automatic = try Program.run(arguments, in: scratch.path, environment: environment)
        #expect(automatic.status == 0, "\(automatic.errors)")
        #expect(try automatic.objects().last?["device"] as? String == "cpu")
        #expect(automatic.errorLines.first?.hasPrefix("using the CPU path: ") == true, "\(automatic.errors)")
        #expect(automatic.errorLines.filter { $0.contains("using") }.count == 1)
        let named = try Program.run(
            ["evaluate", "--run", "run", "--device", "opencl"], in: scratch.path, environment: environment)
        expectRefusal(named, ["--device opencl", "driver"])
        let listed = try Program.run(["devices", "--json"], in: scratch.path, environment: environment)
        let unusable = try #require(try listed.objects().first?["unusable"] as? [Any])
        #expect(!unusable.isEmpty)
    }
}
