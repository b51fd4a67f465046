import MartletData
import MartletFigures
import MartletModels
import MartletTraining

/// The pictures of `explain detection`: a photo with what a stage of the detector makes of it.
struct DetectionPictures {
    let image: Image
    let trace: DetectionTrace
    let classes: [String]

    private var photo: Raster { Raster(width: image.width, height: image.height, channels: 3, pixels: image.pixels) }
    private let width = 480.0

    /// A box, as far as it is on the photo.
    private func box(_ box: BoundingBox, _ label: String = "", _ ink: Ink, dashed: Bool = false) -> BoxedImage.Box {
        func across(_ x: Float) -> Double { min(max(Double(x), 0), Double(image.width)) }
        func down(_ y: Float) -> Double { min(max(Double(y), 0), Double(image.height)) }
        return BoxedImage.Box(
            across(box.x1), down(box.y1), across(box.x2), down(box.y2), label, ink: ink, dashed: dashed)
    }

    /// At most so many, spread over all.
    private func some(_ indices: [Int], _ most: Int) -> [Int] {
        indices.count <= most ? indices : (0..<most).map { indices[$0 * indices.count / most] }
    }

    private func boxed(_ boxes: [BoxedImage.Box], _ title: String = "") -> BoxedImage {
        BoxedImage(title, photo, boxes: boxes, width: width)
    }

    /// The photo with what it is known to show.
    var truth: BoxedImage {
        boxed((trace.truths ?? []).map { box($0.box, $0.label < classes.count ? classes[$0.label] : "", .series(2)) })
    }

    /// The segments that grouping begins with, each in its mean colour.
    var segmentation: ImageGrid {
        let (width, height, labels, count) = trace.segments
        let small = image.resized(width: width, height: height)
        var sums = [SIMD4<Int>](repeating: .zero, count: count)
        for (pixel, label) in labels.enumerated() {
            sums[Int(label)] &+= SIMD4(
                Int(small.pixels[3 * pixel]), Int(small.pixels[3 * pixel + 1]), Int(small.pixels[3 * pixel + 2]), 1)
        }
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for (pixel, label) in labels.enumerated() {
            let sum = sums[Int(label)]
            for channel in 0..<3 { pixels[3 * pixel + channel] = UInt8(sum[channel] / max(sum[3], 1)) }
        }
        return ImageGrid(
            "", [.init(Raster(width: width, height: height, channels: 3, pixels: pixels), "\(count) segments")], columns: 1,
            cellWidth: self.width)
    }

    /// The first of some proposals, and over them those that cover an object best.
    func proposals(_ boxes: [BoundingBox], _ title: String, most: Int = 60) -> BoxedImage {
        let best = (trace.truths ?? []).compactMap { truth in
            boxes.max { $0.overlap(with: truth.box) < $1.overlap(with: truth.box) }.map { ($0, $0.overlap(with: truth.box)) }
        }
        return boxed(
            boxes.prefix(most).map { box($0, .muted) }
                + best.filter { $0.1 > 0 }.map { box($0.0, String(hundredths($0.1)), .series(2)) }, title)
    }

    private func box(_ bounds: BoundingBox, _ ink: Ink) -> BoxedImage.Box { box(bounds, "", ink) }

    /// All anchors of the place in the middle of the coarsest map.
    func anchorsOfOnePlace(_ proposer: FasterRCNN.ProposalTrace) -> BoxedImage {
        let map = proposer.maps[proposer.maps.count - 1]
        let first = proposer.anchors.count - map.y * map.x * proposer.perPosition
        let place = first + ((map.y / 2) * map.x + map.x / 2) * proposer.perPosition
        return boxed(
            proposer.anchors[place..<place + proposer.perPosition].enumerated().map {
                box(trace.original($1), "", .series($0))
            }, "the anchors of one place")
    }

    /// The anchors that are to find objects, and some of those that count for nothing.
    func labelledAnchors(_ proposer: FasterRCNN.ProposalTrace) -> BoxedImage {
        let right = proposer.anchors.indices.filter { proposer.objects[$0] >= 0 }
        let between = proposer.anchors.indices.filter { proposer.objects[$0] == -2 }
        return boxed(
            some(between, 40).map { box(trace.original(proposer.anchors[$0]), "", .muted, dashed: true) }
                + some(right, 60).map { box(trace.original(proposer.anchors[$0]), "", .series(2)) },
            "anchors that are to find objects")
    }

    /// How likely each place holds an object: the best of its anchors, map by map.
    func objectness(_ proposer: FasterRCNN.ProposalTrace) -> ImageGrid {
        var first = 0
        let cells = proposer.maps.map { map -> ImageGrid.Cell in
            let best = (0..<map.y * map.x).map { place in
                let start = first + place * proposer.perPosition
                return proposer.objectness[start..<start + proposer.perPosition].max() ?? 0
            }
            first += map.y * map.x * proposer.perPosition
            let pixels = best.flatMap { value -> [UInt8] in
                let color = ColorMap.magma(Double(value))
                return [color.red, color.green, color.blue]
            }
            return .init(Raster(width: map.x, height: map.y, channels: 3, pixels: pixels), "\(map.y) x \(map.x)")
        }
        return ImageGrid("", cells, columns: 2, cellWidth: cells.count == 1 ? width : width / 2)
    }

    /// Where regions came from and where their boxes went, of the surest detections.
    func moves(_ rows: [DetectionRow]) -> BoxedImage {
        boxed(
            rows.map { box($0.region, "", .muted, dashed: true) }
                + rows.map { box($0.box, "\(classes[$0.label]) \(hundredths($0.score))", .series($0.label)) })
    }

    /// What was found, coloured by whether it counts as right.
    var verdicts: BoxedImage {
        let missed = Set((trace.truths ?? []).indices).subtracting(
            trace.verdicts.filter { $0.verdict == .right }.compactMap(\.object))
        return boxed(
            missed.sorted().map { box(trace.truths?[$0].box ?? BoundingBox(0, 0, 0, 0), "missed", .series(1), dashed: true) }
                + zip(trace.found, trace.verdicts).map { found, verdict in
                    box(
                        found.box, "\(classes[found.label]): \(verdict.verdict?.rawValue ?? "not counted")",
                        verdict.verdict == .right ? .series(2) : .series(1))
                })
    }
}

/// A detection with the region that it comes from.
struct DetectionRow {
    let region: BoundingBox
    let label: Int
    let score: Float
    let codes: [Float]
    let box: BoundingBox
}

func hundredths(_ value: Float) -> Double { (Double(value) * 100).rounded() / 100 }
