import Foundation
import Martlet
import Testing

/// The detectors from the command line, on a few drawn images: bright squares and dark bars on grey.
@Suite(.serialized) struct DetectionCommandTests {
    private static let devices: [String] = {
        let scratch = Scratch()
        let lines = try? Program.run(["devices", "--json"], in: scratch.path).objects()
        let found = (lines?.first?["devices"] as? [[String: Any]])?.compactMap { $0["id"] as? String } ?? []
        return found.isEmpty ? ["cpu"] : found
    }()

    /// A folder `data` in Pascal VOC's layout: eight images for training, of which one shows nothing, three for validation and three
    /// to test with.
    private func drawData(in scratch: Scratch) throws {
        var random = SampleRandom(seed: 3)
        for number in 0..<14 {
            var pixels = (0..<96 * 64 * 3).map { _ in UInt8(110 + random.integer(below: 20)) }
            var objects = ""
            for (name, level) in number == 3 ? [] : [("square", 230), ("bar", 20)] {
                let isBar = name == "bar", width = isBar ? 30 + random.integer(below: 10) : 16 + random.integer(below: 8)
                let height = isBar ? 12 : width, left = random.integer(below: 96 - width)
                let top = isBar ? 40 + random.integer(below: 64 - 40 - height) : random.integer(below: 38 - height)
                for y in top..<top + height {
                    for x in left..<left + width { for c in 0..<3 { pixels[(y * 96 + x) * 3 + c] = UInt8(level + c) } }
                }
                objects +=
                    "<object><name>\(name)</name><bndbox><xmin>\(left + 1)</xmin><ymin>\(top + 1)</ymin>"
                    + "<xmax>\(left + width)</xmax><ymax>\(top + height)</ymax></bndbox></object>\n"
            }
            try scratch.write(
                "<annotation><size><width>96</width><height>64</height></size>\n\(objects)</annotation>\n",
                to: "data/Annotations/\(number).xml")
            try FileManager.default.createDirectory(
                atPath: scratch.path + "/data/JPEGImages", withIntermediateDirectories: true)
            try Image(width: 96, height: 64, channels: 3, pixels: pixels).writePNG(
                to: "\(scratch.path)/data/JPEGImages/\(number).png")
        }
        for (name, range) in [("train", 0..<8), ("val", 8..<11), ("test", 11..<14)] {
            try scratch.write(range.map { "\($0)\n" }.joined(), to: "data/ImageSets/Main/\(name).txt")
        }
    }

    private func training(_ model: String, _ out: String, _ device: String, _ more: [String] = []) -> [String] {
        [
            "train", model, "--data", "voc:data", "--device", device, "--set", "backbone=small", "--set", "short_side=64",
            "--out", out,
        ] + more
    }

    private static let regions = [
        "--set", "crop_size=64", "--set", "context=8", "--set", "crops=256", "--batch-size", "32", "--epochs", "4", "--set",
        "proposals=60", "--learning-rate", "3e-3",
    ]

    private static let brief = [
        "--set", "crop_size=64", "--set", "context=8", "--set", "crops=64", "--batch-size", "32", "--epochs", "1", "--set",
        "proposals=40",
    ]

    /// Both stages of R-CNN, stopped in each and gone on with: the same bits. Then it is judged, and finds what was drawn.
    @Test(arguments: devices) func regionsAreTrainedJudgedAndFound(_ device: String) throws {
        let scratch = Scratch()
        try drawData(in: scratch)
        let whole = try Program.run(training("rcnn", "whole", device, Self.regions), in: scratch.path)
        try #require(whole.status == 0, "\(whole.errors)")
        // In fine-tuning, then while features are computed.
        for place in ["parts/metrics.jsonl", "parts/features/2.safetensors"] {
            let arguments =
                place.hasSuffix("jsonl")
                ? training("rcnn", "parts", device, Self.regions) : ["train", "--resume", "parts", "--device", device]
            let running = try Program.start(arguments, in: scratch.path), end = Date() + 60
            while !FileManager.default.fileExists(atPath: scratch.path + "/" + place), running.process.isRunning, Date() < end {
                usleep(500)
            }
            kill(running.process.processIdentifier, SIGINT)
            let stopped = running.finish()
            #expect(stopped.status == 130 || stopped.status == 0, "\(place): \(stopped.errors)")
            if stopped.status == 130 {
                expectRefusal(
                    try Program.run(["evaluate", "--run", "parts", "--device", device], in: scratch.path),
                    ["--resume", "second stage"])
            }
        }
        let resumed = try Program.run(["train", "--resume", "parts", "--device", device], in: scratch.path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        for name in ["last.safetensors", "best.safetensors"] {
            #expect(try scratch.read("whole/\(name)") == scratch.read("parts/\(name)"), "\(name)")
        }
        let rows = try scratch.text("whole/metrics.jsonl").split(separator: "\n")
        #expect(rows.count == 5 && rows[0].contains("accuracy") && rows[4].contains("mAP50"))

        let judged = try Program.run(
            ["evaluate", "--run", "whole", "--device", device, "--json", "--set", "figures=voc07,voc,coco"], in: scratch.path)
        try #require(judged.status == 0, "\(judged.errors)")
        let result = try #require(try judged.objects().first)
        let metrics = try #require(result["metrics"] as? [String: Double])
        #expect(result["split"] as? String == "test" && metrics["mAP50"] ?? 0 > 0.6, "\(metrics)")
        let proposals = try #require(result["proposals"] as? [String: Double])
        #expect(proposals["recall50"] ?? 0 >= proposals["recall70"] ?? 1 && proposals["recall50"] ?? 0 > 0.8, "\(proposals)")
        let mistakes = try #require(result["mistakes"] as? [String: Int])
        #expect(Set(mistakes.keys) == ["right", "localisation", "confusion", "duplicate", "background", "missed"])
        #expect((mistakes["right"] ?? 0) + (mistakes["missed"] ?? 0) == 6)
        #expect(Set((result["apByClass"] as? [String: Any] ?? [:]).keys) == ["square", "bar"])
        let seconds = try #require(result["secondsPerImage"] as? [String: Double])
        #expect(seconds["withProposals"] ?? 0 > seconds["withoutProposals"] ?? 1)
        #expect((result["coco"] as? [String: Any])?.count == 12 && result["voc07"] != nil && result["voc"] != nil)
        #expect((result["coco"] as? [String: Double])?["AP50"] == metrics["mAP50"])

        // What is written in COCO's formats is as good a source as what it was read from.
        func figures(_ more: [String]) throws -> [String: Any] {
            let run = try Program.run(
                ["evaluate", "--run", "whole", "--device", device, "--json", "--set", "figures=coco"] + more, in: scratch.path)
            #expect(run.status == 0, "\(run.errors)")
            return try #require(try run.objects().first)
        }
        let written = try figures(["--set", "coco_files=files"])
        #expect(written["coco"] as? [String: Double] == result["coco"] as? [String: Double])
        let detections = try #require(
            try JSONSerialization.jsonObject(with: Data(scratch.read("files/detections.json"))) as? [[String: Any]])
        #expect(detections.allSatisfy { Set($0.keys) == ["image_id", "category_id", "bbox", "score"] } && detections.count >= 6)
        let read = try figures(["--data", "coco:files/annotations.json,data/JPEGImages", "--split", "all"])
        #expect(read["coco"] as? [String: Double] == result["coco"] as? [String: Double])
        expectRefusal(
            try Program.run(["evaluate", "--run", "whole", "--device", device, "--batch-size", "4"], in: scratch.path),
            ["--batch-size 4", "one image at a time"])
        expectRefusal(
            try Program.run(
                ["evaluate", "--run", "whole", "--device", device, "--set", "coco_files=whole/config.yaml"], in: scratch.path),
            ["coco_files=whole/config.yaml", "another place"])

        let found = try Program.run(
            [
                "detect", "data/JPEGImages/12.png", "--run", "whole", "--device", device, "--json", "--score", "0.3", "--out",
                "drawn",
            ],
            in: scratch.path)
        #expect(found.status == 0, "\(found.errors)")
        let labels = (try found.objects().first?["detections"] as? [[String: Any]])?.compactMap { $0["label"] as? String }
        #expect(Set(labels ?? []) == ["square", "bar"])
        #expect(try scratch.files("drawn") == ["12.png"])
    }

    /// Thin layers in place of the dense ones: with all directions the same figures, with few of them a run all the same.
    @Test func denseLayersAreTruncated() throws {
        let scratch = Scratch()
        try drawData(in: scratch)
        let trained = try Program.run(
            training("fast-rcnn", "run", "cpu", ["--epochs", "12", "--batch-size", "2", "--set", "proposals=60"]),
            in: scratch.path)
        try #require(trained.status == 0, "\(trained.errors)")
        func loss(_ more: [String]) throws -> Double {
            let result = try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--json"] + more, in: scratch.path)
            try #require(result.status == 0, "\(result.errors)")
            return try #require(try result.objects().first?["loss"] as? Double)
        }
        let plain = try loss([])
        #expect(abs(try loss(["--set", "svd=256,256"]) - plain) < 1e-3 * max(plain, 0.01))
        #expect(abs(try loss(["--set", "svd=1,1"]) - plain) > 1e-3 * plain)
        for (text, word) in [("300,2", "256"), ("4", "two"), ("a,b", "whole numbers")] {
            expectRefusal(
                try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--set", "svd=\(text)"], in: scratch.path), [word]
            )
        }
        let detected = try Program.run(
            ["detect", "data/JPEGImages/12.png", "--run", "run", "--set", "svd=32,16", "--device", "cpu", "--json"],
            in: scratch.path)
        #expect(detected.status == 0, "\(detected.errors)")
        expectRefusal(
            try Program.run(
                ["detect", "data/JPEGImages/12.png", "--run", "run", "--set", "figures=coco", "--device", "cpu"], in: scratch.path
            ),
            ["--set"])
    }

    /// The four steps, stopped and gone on with between and within them: the same bits.
    @Test(arguments: devices) func partsAreTrainedInTurn(_ device: String) throws {
        let scratch = Scratch()
        try drawData(in: scratch)
        let options = ["--set", "training=alternating", "--batch-size", "2", "--epochs"]
        let whole = try Program.run(training("faster-rcnn", "whole", device, options + ["4"]), in: scratch.path)
        try #require(whole.status == 0, "\(whole.errors)")
        let running = try Program.start(training("faster-rcnn", "parts", device, options + ["4"]), in: scratch.path)
        let end = Date() + 60
        while !FileManager.default.fileExists(atPath: scratch.path + "/parts/metrics.jsonl"), running.process.isRunning,
            Date() < end
        { usleep(500) }
        kill(running.process.processIdentifier, SIGTERM)
        _ = running.finish()
        let resumed = try Program.run(["train", "--resume", "parts", "--device", device], in: scratch.path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try scratch.read("whole/last.safetensors") == scratch.read("parts/last.safetensors"))
        // The backbone of the last two steps stays that of the second.
        #expect(try scratch.text("whole/metrics.jsonl").split(separator: "\n").count == 4)
        expectRefusal(
            try Program.run(training("faster-rcnn", "short", device, options + ["3"]), in: scratch.path),
            ["four steps", "--epochs 4"])
    }

    @Test func whatCannotBeIsRefused() throws {
        let scratch = Scratch()
        try drawData(in: scratch)
        for (setting, words) in [
            ("crop_size=10", ["crop_size"]), ("context=120", ["context=120"]), ("svm_c=0", ["svm_c"]),
            ("recipe=heavy", ["light, paper"]),
            ("regression_lambda=-1", ["regression_lambda"]), ("positive_overlap=2", ["positive_overlap"]), ("roi=align", ["roi"]),
            ("training=alternating", ["training"]),
        ] {
            expectRefusal(
                try Program.run(training("rcnn", "run", "cpu", ["--set", setting]), in: scratch.path),
                words, setting)
        }
    }

    /// Nothing to learn from but background, and one class alone: trained through, and what was not shown is not found.
    @Test func imagesWithoutObjectsAndOneClass() throws {
        let scratch = Scratch()
        try drawData(in: scratch)
        try scratch.write("3\n", to: "data/ImageSets/Main/train.txt")
        let empty = try Program.run(training("rcnn", "empty", "cpu", Self.brief), in: scratch.path)
        #expect(empty.status == 0, "\(empty.errors)")
        let found = try Program.run(
            ["detect", "data/JPEGImages/12.png", "--run", "empty", "--device", "cpu", "--json", "--score", "0.1"],
            in: scratch.path)
        let boxes = try found.objects().first?["detections"] as? [Any]
        #expect(found.status == 0 && boxes?.isEmpty == true, "\(found.errors)")
        for number in 0..<14 {
            let name = "data/Annotations/\(number).xml"
            try scratch.write(try scratch.text(name).replacingOccurrences(of: "square", with: "bar"), to: name)
        }
        for (model, options) in [
            ("rcnn", Self.brief), ("fast-rcnn", ["--epochs", "1", "--set", "proposals=40"]), ("faster-rcnn", ["--epochs", "1"]),
        ] {
            let single = try Program.run(training(model, model, "cpu", options + ["--json"]), in: scratch.path)
            #expect(single.status == 0, "\(model): \(single.errors)")
            #expect(try single.objects().dropLast().allSatisfy { ($0["trainLoss"] as? Double)?.isFinite ?? false }, "\(model)")
        }
    }
}
