import Foundation
import MartletData
import MartletFigures
import MartletModels
import MartletTraining

/// The page of `explain detection`.
struct DetectionStudy {
    let name: String
    let file: String
    let image: Image
    let trace: DetectionTrace
    let classes: [String]
    /// Rows of the tables.
    let rows: Int
    /// Warped regions, where the detector warps them.
    let crops: [Image]

    private var pictures: DetectionPictures { DetectionPictures(image: image, trace: trace, classes: classes) }
    private func label(_ number: Int) -> String { number < classes.count ? classes[number] : "class \(number)" }

    var explanation: Explanation {
        var explanation = Explanation(page: HTMLPage("Detection", lead: "How \(name) comes to its boxes in \(file)."))
        if let truths = trace.truths {
            explanation.show("What the photo shows", "\(truths.count) objects, by its annotation.", [("photo", pictures.truth)])
            explanation.figures.append(("objects", .integer(truths.count)))
        } else {
            explanation.show(
                "The photo", "Its objects are not known here; give --data with its annotation to see what counts as right.",
                [("photo", pictures.truth)])
        }
        search(&explanation)
        proposer(&explanation)
        regions(&explanation)
        scores(&explanation)
        verdicts(&explanation)
        return explanation
    }

    private func recall(_ boxes: [BoundingBox], _ overlap: Float = 0.5) -> JSON {
        trace.truths.map { .number(ProposalRecall.share([$0], [boxes], overlap: overlap)) } ?? .null
    }

    private func search(_ explanation: inout Explanation) {
        let boxes = trace.searched, isUsed = trace.proposer == nil
        explanation.show(
            "Selective search",
            "The photo is cut into \(trace.segments.count) segments of similar colour; the two neighbours that are most alike are joined, "
                + "again and again, and the box of every group is a proposal: **\(boxes.count)** of them. "
                + (isUsed
                    ? "This detector judges these."
                    : "This detector has a network for that, and does without; here it is for comparison.")
                + (trace.truths == nil ? "" : " Green: the proposal nearest to each object, with their overlap."),
            [("segments", pictures.segmentation), ("search", pictures.proposals(boxes, "the first 60"))])
        explanation.figures.append(
            (
                "search",
                ["segments": .integer(trace.segments.count), "proposals": .integer(boxes.count), "recall50": recall(boxes)]
            ))
    }

    private func proposer(_ explanation: inout Explanation) {
        guard let proposer = trace.proposer else { return }
        let right = proposer.objects.filter { $0 >= 0 }.count, between = proposer.objects.filter { $0 == -2 }.count
        explanation.show(
            "Anchors",
            "At each place of \(proposer.maps.count == 1 ? "the map" : "\(proposer.maps.count) maps") stand \(proposer.perPosition) boxes of "
                + "fixed sizes and shapes, \(proposer.anchors.count) in all."
                + (trace.truths == nil
                    ? ""
                    : " In training **\(right)** of them would have to find an object (green: they overlap one by 0.7, or more than all "
                        + "others do), \(proposer.objects.count - right - between) are background (below 0.3), and \(between) "
                        + "between the two count for nothing (grey)."),
            [("anchors", pictures.anchorsOfOnePlace(proposer))]
                + (trace.truths == nil ? [] : [("labels", pictures.labelledAnchors(proposer))]))
        explanation.show(
            "Objectness", "How likely one of a place's anchors holds an object: dark is 0, light is 1.",
            [("objectness", pictures.objectness(proposer))])
        let before = proposer.before.map { trace.original($0) }, kept = proposer.kept.map { trace.original($0) }
        explanation.show(
            "Proposals before and after suppression",
            "Of the likeliest **\(before.count)** boxes each that overlaps a likelier one by more than the threshold goes; "
                + "**\(kept.count)** stay.",
            [
                ("before", pictures.proposals(before, "before: the likeliest 60")),
                ("after", pictures.proposals(kept, "after: the likeliest 60")),
            ])
        explanation.figures.append(
            (
                "anchors",
                [
                    "count": .integer(proposer.anchors.count),
                    "objects": trace.truths == nil ? .null : .integer(right),
                    "background": trace.truths == nil ? .null : .integer(proposer.objects.count - right - between),
                    "between": trace.truths == nil ? .null : .integer(between),
                ]
            ))
        explanation.figures.append(
            (
                "proposals",
                [
                    "before": .integer(before.count), "after": .integer(kept.count), "recall50": recall(kept),
                    "recall70": recall(kept, 0.7), "likeliest": .number(Double(proposer.probabilities.max() ?? 0)),
                ]
            ))
    }

    private func regions(_ explanation: inout Explanation) {
        if let warp = trace.warp {
            let cells = crops.map {
                ImageGrid.Cell(Raster(width: $0.width, height: $0.height, channels: 3, pixels: $0.pixels))
            }
            explanation.show(
                "Warped regions",
                "Each region is brought to \(warp.size) x \(warp.size) pixels, whatever its shape, with \(warp.context) pixels of what lies "
                    + "around it, and shown to the network by itself.",
                cells.isEmpty ? [] : [("crops", ImageGrid("", cells, columns: 6, cellWidth: 96))])
            explanation.figures.append(("warp", ["size": .integer(warp.size), "context": .integer(warp.context)]))
        }
        guard let pooling = trace.pooling, let region = detections.first?.region ?? trace.regions.first else { return }
        let grid = RegionGrid(region, trace, size: pooling.size, samples: pooling.samples)
        explanation.show(
            "From a region to \(pooling.size) x \(pooling.size) features",
            "RoI pooling rounds the region (dashed) to whole positions of the map, \(trace.seen(region).stride) pixels apart, and its parts "
                + "again: here a corner moves by up to **\(hundredths(grid.largestShift)) pixels** of the photo. RoI align "
                + "leaves all where it is and reads the map between its positions, at the marked places. This detector uses "
                + "\(pooling.isAligned ? "align" : "pooling").",
            grid.pictures(image).enumerated().map { ("grid-\($0 == 0 ? "pool" : "align")", $1) })
        explanation.figures.append(
            (
                "grid",
                [
                    "stride": .integer(trace.seen(region).stride), "size": .integer(pooling.size),
                    "largestShift": .number(Double(grid.largestShift)), "samples": .integer(grid.samples.count),
                    "uses": .string(pooling.isAligned ? "align" : "pool"),
                ]
            ))
    }

    /// The detections with their regions, the surest first.
    private var detections: [DetectionRow] {
        let all = trace.judgement
        return trace.found.prefix(rows).compactMap { found in
            // The region whose box for this class it is.
            let best = trace.regions.indices.max { a, b in overlap(a, found) < overlap(b, found) }
            guard let best else { return nil }
            let entry = best * all.classes + found.label
            return DetectionRow(
                region: trace.regions[best], label: found.label, score: found.score, codes: all.codes[entry], box: found.box)
        }
    }

    /// How nearly a detection is what was said of a region.
    private func overlap(_ region: Int, _ found: DetectedObject) -> Float {
        let entry = region * trace.judgement.classes + found.label
        let box = trace.original(trace.judgement.boxes[entry])
        return box.overlap(with: found.box) - 2 * abs(trace.judgement.scores[entry] - found.score)
    }

    private func scores(_ explanation: inout Explanation) {
        let found = detections
        func corners(_ box: BoundingBox) -> String {
            [box.x1, box.y1, box.x2, box.y2].map { String(Int($0.rounded())) }.joined(separator: " ")
        }
        explanation.show(
            "Scores and shifts",
            "Each region gets a score for every class, and four numbers that move its box for that class: the shift of its middle in "
                + "widths and heights, and the logarithms of the scalings, times the coding's weights. Dashed: regions; "
                + "in colour: where their boxes went. \(trace.found.count) were left after suppression.",
            [("scores", pictures.moves(found))],
            found.isEmpty
                ? []
                : [
                    .table(
                        header: ["class", "score", "region", "dx", "dy", "dw", "dh", "box"],
                        rows: found.map { row in
                            [label(row.label), String(hundredths(row.score)), corners(row.region)]
                                + row.codes.map { String(hundredths($0)) } + [corners(row.box)]
                        })
                ])
        explanation.figures.append(
            (
                "detections",
                .array(
                    found.map { row in
                        [
                            "label": .string(label(row.label)), "score": .number(Double(row.score)),
                            "codes": .array(row.codes.map { .number(Double($0)) }),
                            "overlapOfRegion": .number(Double(row.region.overlap(with: row.box))),
                        ]
                    })
            ))
    }

    private func verdicts(_ explanation: inout Explanation) {
        guard let truths = trace.truths else { return }
        let reasons = zip(trace.found, trace.verdicts).map { found, verdict in
            reason(found, verdict.verdict, verdict.object.map { truths[$0] })
        }
        let taken = Set(trace.verdicts.filter { $0.verdict == .right }.compactMap(\.object))
        let missed = truths.indices.filter { !taken.contains($0) && !truths[$0].isDifficult && !truths[$0].isCrowd }
        var counts: [(String, JSON)] = DetectionMistakes.Verdict.allCases.map { kind in
            (kind.rawValue, .integer(trace.verdicts.filter { $0.verdict == kind }.count))
        }
        counts.append(("missed", .integer(missed.count)))
        explanation.figures.append(("verdicts", .object(counts)))
        explanation.show(
            "What counts as right",
            "A detection is right where it overlaps an object of its class by at least 0.5 that no surer one has. Green: right; "
                + "orange: wrong; dashed: missed.",
            [("verdicts", pictures.verdicts)],
            [.list(reasons + missed.map { "missed: \(label(truths[$0].label)) at \(place(truths[$0].box))" })])
    }

    private func place(_ box: BoundingBox) -> String { "\(Int(box.x1.rounded())), \(Int(box.y1.rounded()))" }

    private func reason(_ found: DetectedObject, _ verdict: DetectionMistakes.Verdict?, _ object: ObjectAnnotation?) -> String {
        let what = "\(label(found.label)) \(hundredths(found.score)) at \(place(found.box))"
        let overlap = object.map { hundredths(found.box.overlap(with: $0.box)) } ?? 0
        let other = object.map { label($0.label) } ?? ""
        return switch verdict {
        case .right: "\(what): **right**, overlaps its object by \(overlap)"
        case .localisation: "\(what): **localisation**, overlaps an object of its class by \(overlap), less than 0.5"
        case .confusion: "\(what): **confusion**, overlaps a \(other) by \(overlap)"
        case .duplicate: "\(what): **duplicate**, overlaps an object by \(overlap) that a surer detection has"
        case .background: "\(what): **background**, overlaps nothing by 0.1"
        case nil: "\(what): *not counted*, its object is marked as difficult or a crowd"
        }
    }
}

extension Explanation {
    /// A section with text, pictures side by side that are also files, and more.
    fileprivate mutating func show(
        _ title: String, _ text: String, _ figures: [(name: String, figure: any Figure)], _ more: [HTMLPage.Block] = []
    ) {
        page.sections.append(
            .init(title, [.text(text)] + (figures.isEmpty ? [] : [.figures(figures.map(\.figure))]) + more))
        for (name, figure) in figures { add(name, figure) }
    }
}
