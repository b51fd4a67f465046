import Foundation
import Martlet
import Testing

/// Runs: the same bits each time, exact resume, and nothing lost when something goes wrong.
@Suite(.serialized) struct RunTests {
    @Test(arguments: TestDevices.ids) func sameSeedSameBits(device id: String) throws {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let first = RunFixture(device), second = RunFixture(device)
            _ = try first.trainer().run()
            _ = try second.trainer().run()
            #expect(try first.checkpoint() == second.checkpoint())
            #expect(try first.log() == second.log())
            let other = RunFixture(device)
            _ = try other.trainer(seed: 4).run()
            #expect(try first.checkpoint()[0] != other.checkpoint()[0])
        }
    }

    /// Stopped between two steps, while it validates, and while it validates for the last time; gone on with by a new process's
    /// worth of objects.
    @Test(arguments: TestDevices.ids, [23, 14, 41]) func resumingContinuesTheSameBits(device id: String, after questions: Int)
        throws
    {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let whole = RunFixture(device), parts = RunFixture(device)
            _ = try whole.trainer().run()
            var asked = 0
            let outcome = try parts.trainer().run(stop: {
                asked += 1
                return asked > questions ? 15 : nil
            })
            #expect(outcome.signal == 15)
            #expect(try parts.logIfAny() != whole.log())
            let end = try parts.trainer(resuming: true).run()
            #expect(end.signal == nil)
            #expect(try whole.checkpoint() == parts.checkpoint())
            #expect(try whole.log() == parts.log())
        }
    }

    @Test(arguments: TestDevices.ids) func lossThatIsNotFiniteStopsTheRun(device id: String) throws {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let fixture = RunFixture(device)
            let trainer = try fixture.trainer(steps: 200, learningRate: 1e18)
            let error = #expect(throws: TrainingError.self) { try trainer.run() }
            let message = try #require(error).description
            #expect(message.contains("step "), "\(message)")
            #expect(message.contains("first in ") || message.contains("the parameter "), "\(message)")
            #expect(message.contains(fixture.folder), "\(message)")
            let kept = try SafeTensors.read(fixture.folder + "/last.safetensors")
            #expect(try kept.entries.allSatisfy { try $0.floats().allSatisfy(\.isFinite) })
        }
    }

    /// One step too large for float32: the report shows what there is.
    @Test func weightsBeyondAllBoundsHaveAReport() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = RunFixture(device)
            _ = try fixture.trainer(steps: 1, learningRate: 1e30).run()
            let report = try String(contentsOfFile: fixture.folder + "/report.html", encoding: .utf8)
            #expect(report.contains("Grad-CAM"))
        }
    }

    @Test func aFolderIsNotWrittenOver() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = RunFixture(device)
            _ = try fixture.trainer(steps: 2).run()
            let before = try fixture.checkpoint()
            #expect(throws: TrainingError.self) { try fixture.trainer(steps: 2) }
            #expect(try fixture.checkpoint() == before)
        }
    }

    @Test func aRunOfAnotherModelIsRefused() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = RunFixture(device)
            _ = try fixture.trainer(steps: 2).run()
            let error = #expect(throws: TrainingError.self) { try fixture.trainer(model: "mlp", resuming: true) }
            #expect(try #require(error).description.contains("fit"))
        }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = RunFixture(device)
            _ = try fixture.trainer(steps: 2).run()
            let path = fixture.folder + "/last.safetensors"
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            let state = fixture.folder + "/" + (try SafeTensors.read(path).metadata["martlet.state"] ?? "")
            let wholeState = try Data(contentsOf: URL(fileURLWithPath: state))
            for (file, data) in [(path, whole), (state, wholeState)] {
                for length in [0, 4, 9, 60, data.count / 2, data.count - 1] {
                    try data.prefix(length).write(to: URL(fileURLWithPath: file))
                    #expect(throws: (any Error).self) { try fixture.trainer(resuming: true) }
                }
                try data.write(to: URL(fileURLWithPath: file))
            }
            _ = try fixture.trainer(resuming: true)
            try Data("model: [".utf8).write(to: URL(fileURLWithPath: fixture.folder + "/config.yaml"))
            #expect(throws: TrainingError.self) { try RunConfiguration(reading: fixture.folder + "/config.yaml") }
        }
    }

    @Test func theReportStandsAlone() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = RunFixture(device)
            _ = try fixture.trainer(steps: 30).run()
            let html = try String(contentsOfFile: fixture.folder + "/report.html", encoding: .utf8)
            #expect(html.contains("<svg") && html.contains("<path") && !html.contains("http"))
            for title in ["Loss", "Confusion matrix", "Worst mistakes", "First-layer filters", "Grad-CAM", "Maps of conv2"] {
                #expect(html.contains(title), "\(title)")
            }
            let figures = try FileManager.default.contentsOfDirectory(atPath: fixture.folder + "/figures").sorted()
            #expect(
                figures == [
                    "confusion.svg", "filters.svg", "gradcam.svg", "loss.svg", "maps-conv1.svg", "maps-conv2.svg", "metrics.svg",
                    "mistakes.svg", "rate.svg",
                ])
            let files = try FileManager.default.contentsOfDirectory(atPath: fixture.folder)
            #expect(files.contains { $0.hasPrefix("events.out.tfevents.") })
            #expect(files.filter { $0.hasPrefix("state-") }.count == 1)
        }
    }
}
