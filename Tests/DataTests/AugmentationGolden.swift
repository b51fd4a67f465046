import Foundation
import MartletData

/// What torchvision and Pillow make of small images: `Tests/Golden/augmentations.py`.
struct AugmentationGolden: Decodable {
    struct Filters: Decodable {
        struct Case: Decodable {
            var filter: String
            var channels, width, height: Int
            var pixels: [UInt8]
        }
        var width, height: Int
        var pixels: [UInt8]
        var cases: [Case]
    }
    struct Colors: Decodable {
        struct Case: Decodable {
            var change: String
            var value: Float
            var grey: Bool?
            var result: [Float]
        }
        var shape: [Int]
        var image: [Float]
        var cases: [Case]
    }
    struct Crops: Decodable {
        struct Planes: Decodable {
            struct Case: Decodable {
                var filter: String
                var region: [Int]
                var result: [Float]
            }
            var shape: [Int]
            var image: [Float]
            var cases: [Case]
        }
        struct Photo: Decodable {
            var file, filter: String
            var region: [Int]
            var pixels: [UInt8]
        }
        struct Middle: Decodable {
            var file: String
            var middle: [UInt8]
            var ten: [[UInt8]]
        }
        var planes: Planes
        var photos: [Photo]
        var middles: [Middle]
    }
    struct Reduced: Decodable {
        var file: String
        var reduction, width, height: Int
        var pixels: [UInt8]
    }
    var filters: Filters
    var colors: Colors
    var crops: Crops
    var reduced: [Reduced]

    static let all = Result { try golden("augmentations.json", as: AugmentationGolden.self) }
}

/// The path of a golden image.
func goldenImage(_ name: String) -> String { golden("images/" + name) }

/// The largest difference between two lists of levels.
func worst(_ a: [UInt8], _ b: [UInt8]) -> Int {
    a.count == b.count ? zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0 : .max
}

/// Samples in 0...1 [c, h, w] as levels, interleaved.
func levels(_ sample: [Float], channels: Int = 3) -> [UInt8] {
    let area = sample.count / channels
    return (0..<area * channels).map { UInt8((sample[$0 % channels * area + $0 / channels] * 255).rounded()) }
}

extension ImageRegion {
    init(_ values: [Int]) { self.init(left: values[0], top: values[1], width: values[2], height: values[3]) }
}

/// The values that `body` writes.
func filled(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows -> [Float] {
    var values = [Float](repeating: .nan, count: count)
    try values.withUnsafeMutableBufferPointer { try body($0) }
    return values
}
