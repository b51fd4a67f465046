import Foundation
import Martlet
import Testing

/// Folders of photos of which some are bad: left out with a count, or refused.
struct PhotoFolderTests {
    private let scratch = Scratch()

    /// Ten good photos of two classes, two bad ones for training and one for validation.
    init() throws {
        for number in 0..<10 {
            let width = 12 + number
            let pixels = (0..<width * 36).map { UInt8(truncatingIfNeeded: 25 * number + 7 * $0) }
            let image = Image(width: width, height: 12, channels: 3, pixels: pixels)
            let place = "photos/\(number < 8 ? "train" : "val")/\(number % 2 == 0 ? "dark" : "light")/\(number).png"
            try scratch.write(Data(try image.png()), to: place)
        }
        try scratch.write("no photo", to: "photos/train/dark/text.jpg")
        try scratch.write(Data(try Image(width: 30, height: 30).png().dropLast(30)), to: "photos/train/light/cut.png")
        try scratch.write("", to: "photos/val/light/empty.jpg")
    }

    private func run(_ arguments: [String]) throws -> Program.Result { try Program.run(arguments, in: scratch.path) }

    private func train(_ more: [String]) throws -> Program.Result {
        try run(
            [
                "train", "mlp", "--device", "cpu", "--data", "folder:photos", "--set", "hidden=4", "--set", "image_size=8",
                "--json",
            ]
                + more)
    }

    @Test func badPhotosAreLeftOutWithACount() throws {
        let result = try train(["--batch-size", "4", "--epochs", "2", "--set", "flip=0.5", "--out", "run"])
        #expect(result.status == 0, "\(result.errors)")
        let told = result.errorLines.filter { $0.hasPrefix("left out") }
        #expect(told.count == 4 && told.last?.hasPrefix("left out 3 files that cannot be used") == true, "\(result.errors)")
        #expect(told.first?.contains("photos/train/dark/text.jpg: is text") == true)
        let last = try #require(try result.objects().last)
        #expect(last["skipped"] as? Int == 3)
        #expect(result.errors.contains("8 samples of [3, 8, 8]"))

        let measured = try run(["evaluate", "--run", "run", "--device", "cpu", "--json"])
        #expect(try measured.objects().last?["samples"] as? Int == 2)
        #expect(try measured.objects().last?["skipped"] as? Int == 3)
        let ten = try run(["evaluate", "--run", "run", "--device", "cpu", "--json", "--set", "ten_crop=true"])
        #expect(ten.status == 0, "\(ten.errors)")
        #expect(try ten.objects().last?["samples"] as? Int == 2)
        let loss = try measured.objects().last?["loss"] as? Double
        #expect(try ten.objects().last?["loss"] as? Double != loss)
        expectRefusal(
            try run(["evaluate", "--run", "run", "--strict", "--device", "cpu"]), ["photos/train/dark/text.jpg"], "strict")
        expectRefusal(
            try run(["evaluate", "--run", "run", "--data", "digits", "--device", "cpu", "--set", "ten_crop=true"]), [], "digits")
        expectRefusal(try run(["evaluate", "--run", "run", "--set", "flip=1", "--device", "cpu"]), ["--set"], "a run's settings")
    }

    /// Photos that were repaired meanwhile do not change what a resumed run sees.
    @Test func aResumedRunSeesTheSameSamples() throws {
        let options = ["--batch-size", "2", "--set", "crop=0.5", "--set", "mixup=0.4"]
        #expect(try train(options + ["--epochs", "1", "--schedule", "constant", "--out", "a"]).status == 0)
        #expect(try train(options + ["--epochs", "2", "--schedule", "constant", "--out", "b"]).status == 0)
        try scratch.write(Data(try Image(width: 20, height: 20).png()), to: "photos/train/dark/text.jpg")
        let resumed = try run(["train", "--resume", "a", "--epochs", "2", "--device", "cpu", "--json"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("8 samples of [3, 8, 8]"))
        func last(_ run: String) throws -> SafeTensors { try SafeTensors.read("\(scratch.path)/\(run)/last.safetensors") }
        let (resumedWeights, straight) = (try last("a"), try last("b"))
        #expect(resumedWeights.entries.count == 4)
        for entry in resumedWeights.entries { #expect(try entry.floats() == straight[entry.name]?.floats(), "\(entry.name)") }
    }

    @Test func strictRefuses() throws {
        for out in ["run", "other"] {
            let result = try train(["--epochs", "1", "--strict", "--out", out])
            expectRefusal(result, ["photos/train/dark/text.jpg"], "--strict")
            #expect(!FileManager.default.fileExists(atPath: scratch.path + "/" + out))
            try scratch.write(Data(try Image(width: 20, height: 20).png()), to: "photos/train/dark/later.png")
        }
    }

    @Test func dataCheck() throws {
        var result = try run(["data", "check", "folder:photos", "--json"])
        #expect(result.status == 0 && result.outputLines.count == 1)
        let found = try #require(try result.objects().first)
        #expect(found["samples"] as? Int == 10 && found["classes"] as? Int == 2)
        let problems = try #require(found["problems"] as? [[String: Any]])
        #expect(
            problems.count == 3 && problems.allSatisfy { $0["line"] is NSNull && ($0["remedy"] as? String)?.isEmpty == false })
        #expect(problems.first?["file"] as? String == "photos/train/dark/text.jpg")
        #expect(problems.first?["problem"] as? String == "is text, neither PNG nor JPEG")
        #expect(try run(["data", "check", "folder:photos", "--strict"]).status == 64)
        result = try run(["data", "check", "digits"])
        #expect(result.status == 0 && result.output == "1797 samples, 10 classes, 0 problems\n")
        try scratch.write("1,2,a\n3,b\n", to: "t.csv")
        result = try run(["data", "check", "t.csv", "--json"])
        #expect(result.status == 64)
        #expect((try result.objects().first?["problems"] as? [[String: Any]])?.first?["line"] as? Int == 2)
        expectRefusal(try run(["data", "check", "nowhere"]), ["nowhere"], "nothing there")
        expectRefusal(try run(["data", "check", "digits", "--set", "hidden=3"]), ["hidden"], "a setting of no data")
    }

    @Test func settingsOfAugmentationAreChecked() throws {
        for (setting, word) in [
            ("jitter=1,2", "jitter"), ("jitter=0.1,0.1,0.1,0.6", "hue"), ("lighting=-1", "lighting"), ("ratio=1,2", "crop"),
            ("mixup=-1", "mixup"), ("cutout=x", "cutout"), ("erasing=2", "erasing"), ("interpolation=nearest", "interpolation"),
            ("fast_decode=maybe", "fast_decode"), ("ten_crop=true", "ten_crop"), ("crop=0", "crop"),
        ] {
            expectRefusal(try train(["--steps", "1", "--out", "run", "--set", setting]), [word], setting)
        }
        expectRefusal(
            try train(["--steps", "1", "--out", "run", "--set", "crop=0.5", "--set", "ratio=2,1"]), ["ratio"],
            "ratios in the wrong order")
        let digits = ["train", "mlp", "--device", "cpu", "--steps", "1", "--out", "run", "--set"]
        expectRefusal(try run(digits + ["lighting=0.1"]), ["lighting"], "colours of grey images")
        expectRefusal(try run(digits + ["fast_decode=true"]), ["fast decoding"], "decoding of digits")
        expectRefusal(try run(digits + ["interpolation=box"]), ["interpolation"], "interpolation of digits")
        let all = [
            "crop=0.2", "ratio=0.5,2", "shift=1", "flip=0.5", "jitter=0.4,0.4,0.4,0.1", "lighting=0.1", "cutout=3", "erasing=0.5",
            "mixup=0.2", "interpolation=bicubic", "fast_decode=true", "mean=imagenet",
        ]
        let result = try train(["--steps", "2", "--out", "all"] + all.flatMap { ["--set", $0] })
        #expect(result.status == 0, "\(result.errors)")
    }
}
