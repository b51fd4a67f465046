import Foundation
import Testing

/// What the program says of OpenCL drivers, and what it remembers of them from one start to the next.
@Suite struct DriverTests {
    private let scratch = Scratch()

    private func environment(_ more: [String: String] = [:]) -> [String: String] {
        ["XDG_CACHE_HOME": scratch.path + "/cache"].merging(more) { $1 }
    }

    /// One step on the device that `auto` takes; what it says on standard error.
    private func start(_ run: String, _ environment: [String: String]) throws -> String {
        let result = try Program.run(
            ["train", "mlp", "--set", "hidden=16", "--steps", "1", "--out", run], in: scratch.path, environment: environment)
        try #require(result.status == 0, "\(result.errors)")
        return result.errors
    }

    private func probes() -> [String] {
        ((try? scratch.files("cache/martlet/opencl")) ?? []).filter { $0.hasPrefix("probe-") }
    }

    @Test func brokenDriverFileIsNamed() throws {
        try scratch.write("libmartlet-does-not-exist.so\n", to: "vendors/gone.icd")
        try scratch.write("", to: "vendors/empty.icd")
        let vendors = ["OCL_ICD_VENDORS": scratch.path + "/vendors"]
        let listed = try Program.run(["devices", "--json"], in: scratch.path, environment: environment(vendors))
        #expect(listed.status == 0)
        let unusable = try #require(try listed.objects().first?["unusable"] as? [[String: String]])
        for (file, word) in [("gone.icd", "libmartlet-does-not-exist.so"), ("empty.icd", "is empty")] {
            let entry = try #require(unusable.first { $0["name"]?.hasSuffix(file) ?? false }, "\(file) is not in \(unusable)")
            #expect(entry["reason"]?.contains(word) ?? false, "\(entry)")
        }
        #expect(!unusable.contains { $0["reason"]?.contains("no driver is installed") ?? false }, "\(unusable)")
        expectRefusal(
            try Program.run(["bench", "--device", "opencl"], in: scratch.path, environment: environment(vendors)), ["gone.icd"])
    }

    @Test func noDriverIsSaid() throws {
        try scratch.write("", to: "vendors/readme")
        let vendors = environment(["OCL_ICD_VENDORS": scratch.path + "/vendors"])
        #expect(try start("run", vendors).contains("using the CPU path"))
        // Without a device there is nothing to rely on: the next start looks again.
        #expect(probes().isEmpty)
    }

    /// A sound set of drivers is probed once; a changed one, or a damaged memory, again.
    @Test func driversAreProbedAgainWhenTheyChange() throws {
        let first = try start("first", environment())
        guard let name = probes().first else { return }
        let file = "cache/martlet/opencl/" + name, text = try scratch.text(file)
        #expect(text.contains("device 0.0"))
        #expect(try start("second", environment()).contains(first.split(separator: "\n")[0]))

        for damage in [String(text.dropLast(20)), "", "another program's\n", text.replacing(" 0.0 ", with: " 7.7 ")] {
            try scratch.write(damage, to: file)
            _ = try start("damaged-\(UUID().uuidString)", environment())
            #expect(try scratch.text(file) == text)
        }

        // A program that dies while drivers are loaded leaves the memory aside.
        try scratch.copy(file, to: file + ".opening")
        try FileManager.default.removeItem(atPath: scratch.path + "/" + file)
        _ = try start("after a crash", environment())
        #expect(try scratch.text(file) == text)
    }

    /// A driver for the processor may still compile when the program is done, in its own threads: its compiler stays until it has.
    @Test func driverIsWaitedForAtTheEnd() throws {
        let caches = environment(["POCL_CACHE_DIR": scratch.path + "/pocl"])
        for number in 0..<8 {
            let run = try Program.run(
                ["train", "mlp", "--steps", "1", "--device", "opencl", "--out", "run-\(number)"], in: scratch.path,
                environment: caches)
            if number == 0, run.status == 64 { return }
            #expect(run.status == 0 && !run.wasKilled, "start \(number): \(run.errors)")
        }
    }

    /// Where nothing can be kept, everything still works.
    @Test func readOnlyCacheIsNoObstacle() throws {
        try scratch.write("a file in the way", to: "cache")
        _ = try start("run", environment())
        #expect(try scratch.text("cache") == "a file in the way")
    }
}
