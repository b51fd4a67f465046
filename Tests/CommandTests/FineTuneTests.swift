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

    /// White bars on black, 12 x 12.
    private static let photo =
        "iVBORw0KGgoAAAANSUhEUgAAAAwAAAAMCAAAAABzHgM7AAAAG0lEQVR42mNkYGBg+M/AwMDIwMDAxIAEBp4DAJ7oARiJXFLrAAAAAElFTkSuQmCC"

    @Test func aPhotoIsLookedAt() throws {
        let scratch = Scratch()
        let run = try Program.run(["train", "lenet", "--device", "cpu", "--steps", "3", "--out", "run"], in: scratch.path)
        try #require(run.status == 0, "\(run.errors)")
        try scratch.write(try #require(Data(base64Encoded: Self.photo)), to: "photo.png")
        let arguments = ["--run", "run", "--device", "cpu", "--json", "photo.png"]
        for (topic, more) in [("gradcam", ["--set", "class=3"]), ("features", [])] {
            let result = try Program.run(["explain", topic, "--out", topic] + arguments + more, in: scratch.path)
            try #require(result.status == 0, "\(result.errors)")
            let figures = try #require(try result.objects().first?["figures"] as? [String: Any])
            #expect(try scratch.text("\(topic)/\(topic).html").contains("<svg"))
            if topic == "gradcam" {
                let seen = try #require((figures["photos"] as? [[String: Any]])?.first)
                #expect(seen["class"] as? String == "3" && seen["layer"] as? String == "conv2")
                for key in ["x", "y", "probability"] { #expect((0...1).contains(seen[key] as? Double ?? -1), "\(key)") }
                #expect(try scratch.files(topic).contains("gradcam-1.svg"))
            } else {
                #expect((figures["top"] as? [[String: Any]])?.count == 5)
                #expect(
                    try scratch.files(topic).sorted() == ["features.html", "filters.svg", "maps-conv1.svg", "maps-conv2.svg"])
            }
        }
        for (more, words) in [
            (["--set", "class=none"], ["class=none", "0, 1"]), (["--set", "layer=none"], ["layer=none", "conv1"]),
            (["--set", "layer=fc1"], ["fc1", "no maps"]),
        ] {
            expectRefusal(try Program.run(["explain", "gradcam"] + arguments + more, in: scratch.path), words)
        }
    }
}
