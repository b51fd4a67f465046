import Foundation
import Martlet
import MartletExplain
import Testing

/// What the topics about detection say, by their figures, on every device.
@Suite(.serialized) struct DetectionTopicTests {
    /// A scene as a photo with its annotation, and weights of detectors that have not learned anything.
    private final class Fixture {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-explain-\(UUID().uuidString)"
        let objects: [ObjectAnnotation]

        init() throws {
            let scenes = try Scenes.load().training, index = 4
            for name in ["Annotations", "JPEGImages"] {
                try FileManager.default.createDirectory(atPath: "\(folder)/data/\(name)", withIntermediateDirectories: true)
            }
            objects = scenes.annotation(at: index).objects
            // All ten digits are named, so that classes are the detectors' own.
            for number in 0..<2 {
                let shown = number == 0 ? objects.map { ($0.label, $0.box) } : (0..<10).map { ($0, BoundingBox(2, 2, 30, 30)) }
                let text = shown.map { label, box -> String in
                    "<object><name>\(label)</name><bndbox><xmin>\(box.x1 + 1)</xmin><ymin>\(box.y1 + 1)</ymin>"
                        + "<xmax>\(box.x2)</xmax><ymax>\(box.y2)</ymax></bndbox></object>"
                }
                try "<annotation><size><width>128</width><height>128</height></size>\(text.joined())</annotation>".write(
                    toFile: "\(folder)/data/Annotations/\(number).xml", atomically: false, encoding: .utf8)
                try scenes.image(at: index + number).writePNG(to: "\(folder)/data/JPEGImages/\(number).png")
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func request(_ name: String, _ model: any MartletNN.Module, _ settings: [String: String], data: Bool = true) throws
            -> ExplainRequest
        {
            let path = "\(folder)/\(name).safetensors"
            try SafeTensors.write(try ModelState.tensors(of: model), to: path)
            let all = settings.merging(["backbone": "small", "short_side": "128"]) { $1 }
            return ExplainRequest(
                operands: ["\(folder)/data/JPEGImages/0.png"],
                model: .weights(try ModelCatalog.named(name), path: path, Settings(all)), data: data ? "voc:\(folder)/data" : nil)
        }
    }

    @Test(arguments: ExplainDevices.ids) func aDetectorsStagesAreTold(device: String) throws {
        let fixture = try Fixture(), objects = Double(fixture.objects.count)
        let request = try withDevice(try ExplainDevices.device(device)) {
            try fixture.request("faster-rcnn", withSeed(3) { FasterRCNN(.small, classes: 10) }, [:])
        }
        let figures = try explained("detection", on: device, request)
        #expect(figures["objects"].number == objects)
        #expect(figures["search", "segments"].number > 1 && figures["search", "proposals"].number > 20)
        #expect(figures["search", "recall50"].number >= 0)
        let anchors = figures["anchors"]
        // A map of 32 x 32 places with nine anchors each; every object has one that is to find it.
        #expect(anchors["count"].number == 32 * 32 * 9 && anchors["objects"].number >= objects)
        let parts = ["objects", "background", "between"].map { anchors[$0].number }
        #expect(parts.reduce(0, +) == anchors["count"].number)
        let proposals = figures["proposals"]
        #expect(proposals["before"].number == 1000 && proposals["after"].number <= 300 && proposals["after"].number > 0)
        #expect(proposals["recall50"].number >= proposals["recall70"].number && proposals["likeliest"].number <= 1)
        let grid = figures["grid"]
        #expect(grid["stride"].number == 4 && grid["samples"].number == 7 * 7 * 2 * 2)
        // A corner is rounded by half a position at most, and the last position counts whole.
        #expect(grid["largestShift"].number >= 0 && grid["largestShift"].number <= 1.5 * 4)
        let found = figures["detections"].list
        #expect(found.count == 12 && found.allSatisfy { $0["score"].number > 0.05 && $0["codes"].numbers.count == 4 })
        #expect(zip(found, found.dropFirst()).allSatisfy { $0["score"].number >= $1["score"].number })
        let verdicts = ["right", "localisation", "confusion", "duplicate", "background"].map { figures["verdicts", $0].number }
        #expect(verdicts.reduce(0, +) > 12 && figures["verdicts", "missed"].number + verdicts[0] == objects)
    }

    @Test(arguments: ExplainDevices.ids) func warpedRegionsAreShown(device: String) throws {
        let fixture = try Fixture()
        let request = try withDevice(try ExplainDevices.device(device)) {
            var options = RCNN.Options()
            (options.cropSize, options.context, options.positions) = (64, 8, 2)
            let model = withSeed(3) { RCNN(.small, classes: 10, options: options) }
            model.machines.weight.value = Tensor(
                (0..<10 * model.machines.inputs).map { (index: Int) -> Float in Float(index % 13) / 13 - 0.4 },
                shape: [10, model.machines.inputs])
            return try fixture.request("rcnn", model, ["crop_size": "64", "context": "8", "proposals": "40"], data: false)
        }
        let figures = try explained("detection", on: device, request)
        #expect(figures["search", "proposals"].number == 40 && figures["search", "recall50"].isNull)
        #expect(figures["warp", "size"].number == 64 && figures["warp", "context"].number == 8)
        #expect(figures["anchors"].isNull && figures["grid"].isNull && figures["verdicts"].isNull)
    }

    @Test(arguments: ExplainDevices.ids) func overlapsAreThoseOfGeometry(device: String) throws {
        let figures = try explained("iou", on: device)
        #expect(abs(figures["shiftAtHalf"].number - 1.0 / 3) < 1e-3)
        // (1 - s)^2 = 2 / 3.
        #expect(abs(figures["diagonalShiftAtHalf"].number - (1 - (2.0 / 3).squareRoot())) < 1e-3)
        #expect(abs(figures["scaleAtHalf"].number - 2.0.squareRoot()) < 1e-3)
        let kept = 1 - 2.0 / 8
        #expect(abs(figures["twoPixels", "8"].number - kept * kept / (2 - kept * kept)) < 1e-5)
        #expect(figures["kept", "0.2"].numbers == [0, 5] || figures["kept", "0.2"].numbers == [0, 3, 5])
        #expect(figures["kept", "0.5"].numbers == [0, 3, 5])
        #expect(figures["kept", "0.8"].numbers.count > 3)
    }

    @Test func whatIsMissingIsTold() throws {
        let photo = "/nowhere/photo.jpg"
        for (request, word) in [
            (ExplainRequest(operands: [photo]), "which detector"), (ExplainRequest(operands: ["/nowhere", photo]), "/nowhere"),
            (ExplainRequest(), "RUN photo.jpg"),
        ] {
            #expect(throws: TrainingError.self) { try ExplainCatalog.named("detection").explain(request) }
            do { _ = try ExplainCatalog.named("detection").explain(request) } catch {
                #expect("\(error)".contains(word), "\(error)")
            }
        }
    }
}
