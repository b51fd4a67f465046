import Foundation
import MartletData
import MartletFigures
import MartletModels
import MartletTraining

/// How a region becomes features of one size: RoI pooling rounds it to whole positions of the map, RoI align samples between them.
struct RegionGrid {
    /// In pixels of the photo: the region, and what pooling makes of it.
    let region: BoundingBox
    let rounded: BoundingBox
    /// The parts whose largest value pooling takes; they overlap where positions do not divide evenly.
    let pooled: [BoundingBox]
    /// The parts whose samples align averages, and the samples.
    let aligned: [BoundingBox]
    let samples: [Point]

    init(_ region: BoundingBox, _ trace: DetectionTrace, size: Int, samples ratio: Int) {
        self.region = region
        let (box, stride) = trace.seen(region), step = Float(stride)
        // Positions of the map, both corners inside, halves away from zero.
        let low = (x: Int((box[0] / step).rounded()), y: Int((box[1] / step).rounded()))
        let high = (x: Int((box[2] / step).rounded()), y: Int((box[3] / step).rounded()))
        let wide = max(high.x - low.x + 1, 1), tall = max(high.y - low.y + 1, 1)
        func original(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) -> BoundingBox {
            trace.original(HostBox(x1 * step, y1 * step, x2 * step, y2 * step))
        }
        rounded = original(Float(low.x), Float(low.y), Float(low.x + wide), Float(low.y + tall))
        func edges(_ length: Int, _ part: Int) -> (Float, Float) {
            let each: Float = Float(length) / Float(size)
            let first: Float = Float(part) * each
            return (first.rounded(.down), (first + each).rounded(.up))
        }
        var pooled: [BoundingBox] = [], aligned: [BoundingBox] = [], points: [Point] = []
        let width = max(box[2] / step - box[0] / step, 1) / Float(size)
        let height = max(box[3] / step - box[1] / step, 1) / Float(size)
        for row in 0..<size {
            for column in 0..<size {
                let (x, y) = (edges(wide, column), edges(tall, row))
                pooled.append(
                    original(Float(low.x) + x.0, Float(low.y) + y.0, Float(low.x) + x.1, Float(low.y) + y.1))
                let left: Float = box[0] / step + Float(column) * width
                let top: Float = box[1] / step + Float(row) * height
                aligned.append(original(left, top, left + width, top + height))
                let count = ratio > 0 ? ratio : max(Int(width.rounded(.up)), 1)
                for i in 0..<count {
                    for j in 0..<count {
                        let x: Float = left + (Float(j) + 0.5) * width / Float(count)
                        let y: Float = top + (Float(i) + 0.5) * height / Float(count)
                        let place = original(x, y, x, y)
                        points.append(Point(Double(place.x1), Double(place.y1)))
                    }
                }
            }
        }
        (self.pooled, self.aligned, samples) = (pooled, aligned, points)
    }

    /// How far rounding moves a corner at most, in pixels of the photo.
    var largestShift: Float {
        [rounded.x1 - region.x1, rounded.y1 - region.y1, rounded.x2 - region.x2, rounded.y2 - region.y2].map(abs).max() ?? 0
    }

    /// Both grids over the part of the photo about the region.
    func pictures(_ image: Image) -> [BoxedImage] {
        let margin = max(region.width, region.height) * 0.35
        let left = max(Int(region.x1 - margin), 0)
        let top = max(Int(region.y1 - margin), 0)
        let right = min(Int(region.x2 + margin) + 1, image.width), bottom = min(Int(region.y2 + margin) + 1, image.height)
        let part = image.cropped(left: left, top: top, width: max(right - left, 1), height: max(bottom - top, 1))
        let raster = Raster(width: part.width, height: part.height, channels: 3, pixels: part.pixels)
        func drawn(_ boxes: [BoundingBox], _ ink: Ink, dashed: Bool = false) -> [BoxedImage.Box] {
            boxes.map {
                BoxedImage.Box(
                    Double($0.x1) - Double(left), Double($0.y1) - Double(top), Double($0.x2) - Double(left),
                    Double($0.y2) - Double(top), "", ink: ink, dashed: dashed)
            }
        }
        // A sample is a square of a hundredth of the picture.
        let dot = Float(max(part.width, part.height)) / 200
        let points = samples.map {
            BoundingBox(Float($0.x) - dot, Float($0.y) - dot, Float($0.x) + dot, Float($0.y) + dot)
        }
        return [
            BoxedImage(
                "RoI pooling: rounded", raster, boxes: drawn(pooled, .series(0)) + drawn([region], .series(1), dashed: true),
                width: 420),
            BoxedImage(
                "RoI align: as it is", raster, boxes: drawn(aligned, .series(0)) + drawn(points, .series(4)), width: 420),
        ]
    }
}
