import Foundation
import Martlet
import Testing

/// How detectors are judged.
@Suite struct DetectionFigureTests {
    private struct GoldenSet: Decodable {
        struct Shown: Decodable {
            var objects: [[Double]]
            var detections: [[Double]]
        }
        var classes: Int
        var images: [Shown]
        var figures: [Double]
    }

    /// Random sets and hard ones: nothing found, nothing shown, duplicates, overlaps of exactly a threshold, crowds, more than a
    /// hundred detections, sizes on the borders.
    @Test func cocoFiguresAreThoseOfPycocotools() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let sets = try JSONDecoder().decode(
            [GoldenSet].self, from: Data(contentsOf: folder.appendingPathComponent("Golden/coco.json")))
        #expect(sets.count >= 10)
        for (number, set) in sets.enumerated() {
            var record = DetectionRecord(classes: set.classes)
            for image in set.images {
                record.add(
                    image.objects.map {
                        ObjectAnnotation(box: Self.box($0), label: Int($0[4]), isCrowd: $0[5] == 1, area: Float($0[6]))
                    }, image.detections.map { DetectedObject(box: Self.box($0), label: Int($0[4]), score: Float($0[5])) })
            }
            let found = COCOEvaluation(record).all
            #expect(found.count == set.figures.count)
            for (index, (a, b)) in zip(found, set.figures).enumerated() {
                #expect(abs(a - b) <= 1e-6, "set \(number), figure \(index): \(a), pycocotools has \(b)")
            }
        }
    }

    private static func box(_ values: [Double]) -> BoundingBox {
        BoundingBox(Float(values[0]), Float(values[1]), Float(values[2]), Float(values[3]))
    }

    private func object(_ x: Float, _ label: Int = 0, difficult: Bool = false) -> ObjectAnnotation {
        ObjectAnnotation(box: BoundingBox(x, 0, x + 10, 10), label: label, isDifficult: difficult)
    }

    private func found(_ x: Float, _ score: Float, _ label: Int = 0) -> DetectedObject {
        DetectedObject(box: BoundingBox(x, 0, x + 10, 10), label: label, score: score)
    }

    /// Right, wrong, right: precisions 1, 1/2, 2/3 at recalls of a half, a half and 1.
    @Test func pascalFiguresByHand() throws {
        var record = DetectionRecord(classes: 2)
        record.add([object(0), object(100), object(300, difficult: true)], [found(0, 0.9), found(200, 0.8), found(300, 0.75)])
        record.add([], [])
        record.add([object(50, 0, difficult: true)], [found(100, 0.1), found(50, 0.99)])
        let missing = VOCEvaluation(record)
        let first = try #require(missing.curves[0])
        #expect(first.wanted == 2)
        // Difficult objects count neither way.
        #expect(first.precisions == [1, 0.5, 1.0 / 3] && first.recalls == [0.5, 0.5, 0.5])
        #expect(abs(first.elevenPointAP - 6.0 / 11) < 1e-12)
        #expect(abs(first.areaAP - 0.5) < 1e-12)
        #expect(missing.curves[1] == nil)
        #expect(abs(missing.areaMAP - 0.5) < 1e-12)

        var whole = DetectionRecord(classes: 1)
        whole.add([object(0), object(100)], [found(0, 0.9), found(200, 0.8), found(101, 0.7), found(100, 0.6)])
        let curve = try #require(VOCEvaluation(whole).curves[0])
        // The second on the same object is wrong.
        #expect(curve.precisions == [1, 0.5, 2.0 / 3, 0.5])
        #expect(abs(curve.areaAP - (0.5 + 0.5 * 2 / 3)) < 1e-12)
        #expect(abs(curve.elevenPointAP - (6 + 5 * 2.0 / 3) / 11) < 1e-12)
    }

    @Test func mistakesAreToldApart() {
        let truths = [object(0), object(100, 1), object(200), object(300)]
        let detections = [
            found(0, 0.9), found(1, 0.8), found(100, 0.7), found(206, 0.6), found(400, 0.95), found(300, 0.2),
        ]
        let verdicts = DetectionMistakes.verdicts(truths, detections)
        #expect(verdicts.map(\.0) == [.right, .duplicate, .confusion, .localisation, .background, .right])
        var record = DetectionRecord(classes: 2)
        record.add(truths, detections)
        let mistakes = DetectionMistakes(record, score: 0.5)
        #expect(mistakes[.right] == 1 && mistakes[.background] == 1 && mistakes.missed == 3)
    }

    @Test func recallOfProposals() {
        let boxes = [[BoundingBox(0, 0, 10, 10), BoundingBox(104, 0, 114, 10)], []]
        #expect(ProposalRecall.share([[object(0), object(100)], [object(5)]], boxes) == 1.0 / 3)
        #expect(ProposalRecall.share([[object(0), object(100)], [object(5)]], boxes, overlap: 0.4) == 2.0 / 3)
        #expect(ProposalRecall.share([[]], [[]]) == 0)
    }
}
