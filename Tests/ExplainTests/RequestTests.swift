import Foundation
import Martlet
import MartletExplain
import MartletFigures
import Testing

/// What topics refuse, and what they write.
struct RequestTests {
    private static func refusal(_ topic: String, _ request: ExplainRequest) -> String {
        do {
            try ExplainCatalog.named(topic).check(request)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func topicsHaveNamesOfTheirOwn() {
        let names = ExplainCatalog.all.map(\.name)
        #expect(Set(names).count == names.count && Set(["mlp", "batchnorm", "optimizers", "convolution"]).isSubset(of: names))
        #expect(ExplainCatalog.all.allSatisfy { !$0.summary.isEmpty && !$0.summary.contains("\n") })
        #expect(throws: TrainingError.self) { try ExplainCatalog.named("alchemy") }
    }

    @Test func nothingIsSilentlyIgnored() throws {
        #expect(Self.refusal("mlp", ExplainRequest()).isEmpty)
        #expect(Self.refusal("mlp", ExplainRequest(operands: ["a.png"])).contains("a.png"))
        #expect(Self.refusal("optimizers", ExplainRequest(data: "digits")).contains("--data"))
        #expect(Self.refusal("batchnorm", ExplainRequest(settings: Settings(["epoch": "3"]))).contains("epochs"))
        #expect(Self.refusal("mlp", ExplainRequest(settings: Settings(["x": "3"]))).contains("it has none"))
        let model = TrainedSource.weights(try ModelCatalog.named("lenet"), path: "/nowhere.safetensors", Settings())
        #expect(Self.refusal("mlp", ExplainRequest(model: model)).contains("takes no model"))
        #expect(Self.refusal("convolution", ExplainRequest(operands: ["a.png"], model: model)).isEmpty)
        #expect(Self.refusal("convolution", ExplainRequest(operands: ["a.png", "b.png"])).contains("2 operands"))
        #expect(throws: (any Error).self) {
            try withDevice(try ExplainDevices.device("cpu")) {
                try ExplainCatalog.named("batchnorm").explain(ExplainRequest(settings: Settings(["epochs": "many"])))
            }
        }
    }

    @Test func writesThePageFirst() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-explain-\(UUID().uuidString)/deep"
        defer { try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent) }
        var explanation = Explanation(page: HTMLPage("A page"))
        explanation.add("plot", Plot("", [.line("a", [Point(0, 0), Point(1, 1)])]))
        explanation.add("pixel", Raster(width: 1, height: 1, channels: 1, pixels: [7]))
        let paths = try explanation.write("mlp", to: folder)
        #expect(paths == ["mlp.html", "plot.svg", "pixel.png"].map { folder + "/" + $0 })
        #expect(paths.allSatisfy { FileManager.default.fileExists(atPath: $0) })
        #expect(throws: (any Error).self) { try explanation.write("mlp", to: "/dev/null/x") }
    }

    /// A photo that is not one, and a model without convolutions.
    @Test func badOperandsAreNamed() throws {
        let path = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString).png"
        try Data("no picture".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try withDevice(try ExplainDevices.device("cpu")) {
            let topic = try ExplainCatalog.named("convolution")
            for operand in [path, "/nowhere/photo.jpg"] {
                do {
                    _ = try topic.explain(ExplainRequest(operands: [operand]))
                    Issue.record("\(operand) was taken")
                } catch {
                    #expect("\(error)".contains(operand))
                }
            }
        }
    }
}
