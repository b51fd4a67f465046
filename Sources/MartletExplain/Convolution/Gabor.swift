import Foundation
import MartletCore

/// A wave under a bell: the shape of a simple cell's receptive field. Gabor, 1946; Daugman, 1985.
struct Gabor {
    /// Height and width in pixels.
    var size = 11
    /// Of the lines it answers to, in degrees against the clock from upright.
    var orientation = 0.0
    /// Pixels from crest to crest.
    var wavelength = 6.0
    /// 0: a light line between dark ones; 90: an edge, dark to light.
    var phase = 0.0
    /// Deviation of the bell across the wave.
    var sigma = 2.6
    /// The bell is this much longer along the lines.
    var aspect = 1.6
    /// Where its middle lies, from that of the picture.
    var offset = (x: 0.0, y: 0.0)

    /// Row by row from the top; their sum is 0 and that of their squares 1.
    var values: [Float] {
        let turn = orientation * .pi / 180, middle = Double(size - 1) / 2
        var values: [Double] = []
        for row in 0..<size {
            for column in 0..<size {
                let x = Double(column) - middle - offset.x, y = middle - Double(row) - offset.y
                let across = x * cos(turn) + y * sin(turn), along = -x * sin(turn) + y * cos(turn)
                let bell = exp(-(across * across + along * along / (aspect * aspect)) / (2 * sigma * sigma))
                values.append(bell * cos(2 * .pi * across / wavelength + phase * .pi / 180))
            }
        }
        return Gabor.normalized(values).map { Float($0) }
    }

    /// Less their mean, and of length 1; zeros where nothing is left.
    static func normalized(_ values: [Double]) -> [Double] {
        let mean = values.reduce(0, +) / Double(max(values.count, 1))
        let centered = values.map { $0 - mean }
        let length = centered.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 1e-12 ? centered.map { $0 / length } : centered.map { _ in 0 }
    }

    /// The filters as a weight [n, 1, size, size].
    static func weight(_ filters: [Gabor]) -> Tensor {
        let size = filters.first?.size ?? 1
        return Tensor(filters.flatMap(\.values), shape: [filters.count, 1, size, size])
    }

    /// Evenly spread orientations.
    static func bank(_ count: Int, size: Int = 11, phase: Double = 0) -> [Gabor] {
        (0..<count).map { Gabor(size: size, orientation: 180 * Double($0) / Double(count), phase: phase) }
    }

    /// Every orientation, wavelength, phase, width and place that fits a small picture, to look for the one most like a filter.
    static func dictionary(size: Int) -> [[Double]] {
        let reach = Double(size)
        var found: [[Double]] = []
        for step in 0..<12 {
            for wavelength in [0.6, 0.9, 1.3, 1.9] {
                for phase in [0.0, 45, 90, 135] {
                    for sigma in [0.2, 0.32, 0.5] {
                        for x in [-0.2, 0, 0.2] {
                            for y in [-0.2, 0, 0.2] {
                                let gabor = Gabor(
                                    size: size, orientation: 15 * Double(step), wavelength: wavelength * reach, phase: phase,
                                    sigma: sigma * reach, offset: (x * reach, y * reach))
                                found.append(gabor.values.map(Double.init))
                            }
                        }
                    }
                }
            }
        }
        return found
    }
}
