import Foundation
import Testing

/// Networks with weights that others trained, on photos.
@Suite(.serialized) struct PretrainedTests {
    private static let devices: [String] = {
        let scratch = Scratch()
        let list = try? Program.run(["devices", "--json"], in: scratch.path).objects().first?["devices"] as? [[String: Any]]
        return (list ?? []).compactMap { $0["id"] as? String }
    }()

    private static let photos =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/Golden/data/photos/"

    /// The folder of real data sets; nil, with a printed reason, where a part is absent.
    private static func real(_ parts: [String]) -> String? {
        var candidates = [ProcessInfo.processInfo.environment["MARTLET_DATA"]].compactMap { $0 }
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            candidates.append(folder.appendingPathComponent("shared/data").path)
        }
        let found = candidates.first { base in parts.allSatisfy { FileManager.default.fileExists(atPath: base + "/" + $0) } }
        if found == nil {
            print("skipped: no data \(parts.joined(separator: ", ")) (set MARTLET_DATA to the folder that holds it)")
        }
        return found
    }

    private static let weights = "squeezenet/squeezenet1_0.pth"

    /// The cat and the coffee cup: ImageNet's names without any data given, as likely as torchvision has them.
    @Test func predictTellsImageNetsClasses() throws {
        guard let data = Self.real([Self.weights]) else { return }
        let expected = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: Self.photos + "expected.json")))
                as? [String: [String: [[Double]]]])
        for device in Self.devices {
            for (size, more) in [("224", []), ("227", ["--set", "image_size=227"])] {
                let result = try Program.run(
                    [
                        "predict", "cat.jpg", "coffee.jpg", "--model", "squeezenet", "--weights", data + "/" + Self.weights,
                        "--device",
                        device, "--json",
                    ] + more, in: Self.photos)
                let answers = try result.objects()
                #expect(result.status == 0 && answers.count == 2, "\(result.errors)")
                for (answer, (name, label, figure)) in zip(answers, [("cat", "Egyptian cat", 0.7), ("coffee", "espresso", 0.87)])
                {
                    let top = try #require(answer["top"] as? [[String: Any]])
                    let likeliest = try #require((top.first?["probability"] as? NSNumber)?.doubleValue)
                    let right = try #require(expected[name]?[size]?.first?.last)
                    #expect(top.count == 5 && top.first?["label"] as? String == label, "\(device) \(size): \(top)")
                    #expect(abs(likeliest - right) < 0.03, "\(device) \(size): \(label) \(likeliest), not \(right)")
                    #expect(abs(right - figure) < 0.05)
                }
            }
        }
        // Two classes are not a thousand.
        expectRefusal(
            try Program.run(
                ["predict", "cat.jpg", "--model", "resnet18", "--weights", data + "/" + Self.weights, "--device", "cpu"],
                in: Self.photos),
            ["none of its tensors fits"])
    }

    /// Of 153 photos of ants and bees torchvision has the right one of a thousand classes among its first five for 129 at 224 pixels
    /// and for 131 at 227.
    @Test func evaluateAgainstImageNetsClasses() throws {
        guard let data = Self.real([Self.weights, "hymenoptera/val"]) else { return }
        let scratch = Scratch()
        for device in Self.devices {
            for (size, right) in [("224", 129.0), ("227", 131)] {
                let result = try Program.run(
                    [
                        "evaluate", "--model", "squeezenet", "--weights", data + "/" + Self.weights, "--data",
                        "folder:\(data)/hymenoptera", "--split", "val", "--set", "image_size=\(size)", "--device", device,
                        "--batch-size",
                        "32", "--json",
                    ], in: scratch.path)
                let figures = try #require(try result.objects().first, "\(result.errors)")
                let top5 = try #require((figures["metrics"] as? [String: Any])?["top5"] as? Double)
                #expect(figures["samples"] as? Int == 153)
                #expect(abs((top5 * 153).rounded() - right) <= 2, "\(device) at \(size): \(top5 * 153)")
            }
        }
    }
}
