import Foundation
import Testing

/// `martlet train --weights`: from one run's weights to another with a new head and frozen layers.
struct FineTuneTests {
    @Test func fromOneRunToAnother() throws {
        let scratch = Scratch()
        let first = try Program.run(
            ["train", "lenet", "--device", "cpu", "--steps", "6", "--out", "first", "--seed", "3"], in: scratch.path)
        try #require(first.status == 0, "\(first.errors)")
        let arguments = [
            "train", "lenet", "--device", "cpu", "--weights", "first/last.safetensors", "--freeze", "conv*,fc1.*", "--epochs",
            "3",
            "--set", "unfreeze=3:fc1.*", "--set", "head=new", "--set", "dropout=0.2", "--set", "head_rate=2", "--set",
            "class_weights=balanced", "--set", "best=loss", "--json",
        ]
        let second = try Program.run(arguments + ["--out", "second"], in: scratch.path)
        try #require(second.status == 0, "\(second.errors)")
        // What is in front of the dropout is kept.
        #expect(second.errors.contains("features before dropout are computed once and kept"), "\(second.errors)")
        let last = try #require(try second.objects().last)
        #expect((last["best"] as? [String: Any])?["metric"] as? String == "valLoss")
        let configuration = try scratch.text("second/config.yaml")
        for part in ["freeze: conv*,fc1.*", "unfreeze: 3:fc1.*", "head: new", "class_weights: balanced"] {
            #expect(configuration.contains(part), "\(configuration)")
        }
        // Computed anew each epoch they are the same.
        let third = try Program.run(arguments + ["--set", "keep_features=false", "--out", "third"], in: scratch.path)
        try #require(third.status == 0, "\(third.errors)")
        #expect(!third.errors.contains("kept"))
        #expect(try scratch.read("second/best.safetensors") == scratch.read("third/best.safetensors"))
        #expect(try scratch.files("second/figures").contains("confusion.svg"))
        let resumed = try Program.run(
            ["train", "--resume", "second", "--set", "head_rate=3", "--device", "cpu"], in: scratch.path)
        expectRefusal(resumed, ["head_rate=3", "new run"])
    }
}
