import MartletCore
import MartletFigures
import MartletTraining

extension ExplainTopic {
    /// What intersection over union says of two boxes.
    static let iou = ExplainTopic("iou", "what intersection over union says of two boxes, and how suppression uses it") { _ in
        let study = OverlapStudy()
        var explanation = Explanation(
            page: HTMLPage(
                "Intersection over union",
                lead:
                    "How well one box stands for another: what both cover, over what either covers. 1 for the same box, 0 for two "
                    + "that do not touch."))
        let curves = try study.curves()
        explanation.page.sections = [
            .init(
                "Pairs of squares",
                [
                    .text("Two squares of one size. At **0.5** they look more alike than half: a third of a side apart."),
                    .figures(study.pairs),
                ]),
            .init(
                "How fast it falls",
                [
                    .text(
                        "A square moved sideways by a share s of its side has (1 - s) / (1 + s) left; moved along both axes it falls faster, "
                            + "and one that is only too large or too small by a factor f in both axes has 1 / f²."),
                    .figure(curves.plot),
                ]),
            .init(
                "Small objects forgive less",
                [
                    .text("A box that is two pixels off both ways, on objects of different sizes."),
                    .table(
                        header: ["side of the object", "overlap"],
                        rows: curves.sizes.map { ["\(Int($0.side))", "\(hundredths($0.overlap))"] }),
                ]),
            .init(
                "Suppression",
                [
                    .text(
                        "Of boxes that overlap a surer one by more than a threshold only the surest stays. A low threshold loses "
                            + "neighbours, a high one keeps duplicates."),
                    .figures(try study.suppressionPictures()),
                ]),
        ]
        explanation.add("pairs", Panels(columns: 4, study.pairs))
        explanation.add("curves", curves.plot)
        explanation.add("suppression", Panels(columns: 3, try study.suppressionPictures()))
        explanation.figures = [
            ("shiftAtHalf", .number(Double(curves.shiftAtHalf))), ("diagonalShiftAtHalf", .number(Double(curves.diagonalAtHalf))),
            ("scaleAtHalf", .number(Double(curves.scaleAtHalf))),
            ("twoPixels", .object(curves.sizes.map { ("\(Int($0.side))", .number(Double($0.overlap))) })),
            ("kept", .object(try study.kept().map { ("\($0.threshold)", .array($0.numbers.map(JSON.integer))) })),
        ]
        return explanation
    }
}

/// The figures of `explain iou`, computed by the same operations that detectors use, on the default device.
struct OverlapStudy {
    /// The overlaps of the unit square with boxes.
    private func overlaps(_ boxes: [[Float]]) throws -> [Float] {
        try Boxes.overlaps(Tensor([Float(0), 0, 1, 1], shape: [1, 4]), Tensor(boxes.flatMap { $0 }, shape: [boxes.count, 4]))
            .floats()
    }

    struct Curves {
        var plot: Plot
        /// Where an overlap of a half is left: the shift in sides along one axis and along both, and the scaling.
        var shiftAtHalf, diagonalAtHalf, scaleAtHalf: Float
        var sizes: [(side: Float, overlap: Float)]
    }

    func curves() throws -> Curves {
        let steps = (0...200).map { Float($0) / 200 }
        let sideways = try overlaps(steps.map { [$0, 0, 1 + $0, 1] })
        let diagonal = try overlaps(steps.map { [$0, $0, 1 + $0, 1 + $0] })
        // About the same middle, the side from 1 to 2.
        let scaled = try overlaps(steps.map { [-$0 / 2, -$0 / 2, 1 + $0 / 2, 1 + $0 / 2] })
        func half(_ values: [Float]) -> Float {
            let after = values.firstIndex { $0 <= 0.5 } ?? values.count - 1
            guard after > 0 else { return 0 }
            let share = (values[after - 1] - 0.5) / (values[after - 1] - values[after])
            return steps[after - 1] + share / 200
        }
        func line(_ name: String, _ values: [Float]) -> Mark {
            .line(name, zip(steps, values).map { Point(Double($0), Double($1)) })
        }
        let plot = Plot(
            "Overlap with a square", x: Axis("shift, or growth of the side, in sides"), y: Axis("intersection over union"),
            [
                line("moved sideways", sideways), line("moved along both axes", diagonal), line("grown about its middle", scaled),
                .rule(y: 0.5, "right in Pascal VOC"),
            ])
        let sides: [Float] = [8, 16, 32, 64, 128]
        let two = try overlaps(sides.map { [2 / $0, 2 / $0, 1 + 2 / $0, 1 + 2 / $0] })
        return Curves(
            plot: plot, shiftAtHalf: half(sideways), diagonalAtHalf: half(diagonal), scaleAtHalf: 1 + half(scaled),
            sizes: zip(sides, two).map { ($0, $1) })
    }

    private static let blank = Raster(
        width: 160, height: 120, channels: 3, pixels: [UInt8](repeating: 244, count: 160 * 120 * 3))

    /// Two squares at overlaps of 0.3, 0.5, 0.7 and 0.9.
    var pairs: [BoxedImage] {
        [0.3, 0.5, 0.7, 0.9].map { overlap in
            let shift = 70 * (1 - overlap) / (1 + overlap)
            return BoxedImage(
                "\(overlap)", Self.blank,
                boxes: [.init(25, 25, 95, 95, ink: .series(0)), .init(25 + shift, 25, 95 + shift, 95, ink: .series(1))],
                width: 200)
        }
    }

    /// Boxes about two objects that stand close together, with their scores.
    private static let boxes: [(box: [Float], score: Float)] = [
        ([20, 30, 70, 100], 0.95), ([24, 32, 74, 100], 0.85), ([16, 26, 64, 96], 0.8), ([46, 30, 98, 102], 0.9),
        ([50, 34, 102, 104], 0.7), ([118, 20, 144, 50], 0.6),
    ]
    private static let thresholds = [0.2, 0.5, 0.8]

    /// The numbers of the boxes that stay, by decreasing score.
    func kept() throws -> [(threshold: Double, numbers: [Int])] {
        let boxes = Tensor(Self.boxes.flatMap(\.box), shape: [Self.boxes.count, 4]), scores = Tensor(Self.boxes.map(\.score))
        return try Self.thresholds.map { ($0, try nonMaximumSuppression(boxes, scores: scores, threshold: $0).numbers()) }
    }

    func suppressionPictures() throws -> [BoxedImage] {
        try kept().map { threshold, numbers in
            BoxedImage(
                "threshold \(threshold): \(numbers.count) of \(Self.boxes.count) stay", Self.blank,
                boxes: Self.boxes.enumerated().map { number, entry in
                    let stays = numbers.contains(number), box = entry.box.map(Double.init)
                    return .init(
                        box[0], box[1], box[2], box[3], stays ? "\(entry.score)" : "", ink: stays ? .series(2) : .muted,
                        dashed: !stays)
                }, width: 280)
        }
    }
}
