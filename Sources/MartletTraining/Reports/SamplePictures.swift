import MartletData
import MartletFigures

/// Samples of images as pictures to be shown.
package struct SamplePictures {
    package let shape: [Int]
    private let normalization: ChannelNormalization?

    /// Nil where the samples are no images of one channel or three.
    package init?(shape: [Int], normalization: ChannelNormalization?) {
        guard shape.count == 3, shape[0] == 1 || shape[0] == 3, shape[1] >= 4, shape[2] >= 4 else { return nil }
        self.shape = shape
        self.normalization = normalization
    }

    /// The values before normalisation, [c, h, w], in 0...1.
    private func levels(_ sample: [Float]) -> [Float] {
        let area = shape[1] * shape[2]
        guard let normalization else { return sample }
        return sample.enumerated().map { index, value in
            let channel = normalization.mean.count == 1 ? 0 : index / area
            return value * normalization.std[channel] + normalization.mean[channel]
        }
    }

    package func picture(_ sample: [Float]) -> Raster {
        shape[0] == 1
            ? Raster(width: shape[2], height: shape[1], values: levels(sample), range: 0...1)
            : Raster(width: shape[2], height: shape[1], planes: levels(sample))
    }

    /// The picture in grey with heat over it.
    ///
    /// - Parameter heat: row by row, of any size; 0 or more. Its largest value is shown as the hottest.
    package func picture(_ sample: [Float], heat: [Float], height: Int, width: Int) -> Raster {
        let base = picture(sample), top = max(heat.max() ?? 0, 1e-20)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(shape[1] * shape[2] * 3)
        for y in 0..<shape[1] {
            for x in 0..<shape[2] {
                let start = (y * shape[2] + x) * 3
                let grey = (Double(base.pixels[start]) + Double(base.pixels[start + 1]) + Double(base.pixels[start + 2])) / 3
                let value = Self.blended(
                    heat, height, width, (Float(y) + 0.5) / Float(shape[1]), (Float(x) + 0.5) / Float(shape[2]))
                // Of a network whose weights have grown beyond all bounds there is no heat to show.
                let share = (value / top).isFinite ? Double(value / top) : 0
                let color = ColorMap.magma(0.15 + 0.85 * share), weight = 0.25 + 0.5 * share
                for level in [color.red, color.green, color.blue] {
                    pixels.append(UInt8(min(max(grey * (1 - weight) + Double(level) * weight, 0), 255)))
                }
            }
        }
        return Raster(width: shape[2], height: shape[1], channels: 3, pixels: pixels)
    }

    /// The value at a place given by shares of the height and width, blended between the nearest four.
    private static func blended(_ values: [Float], _ height: Int, _ width: Int, _ y: Float, _ x: Float) -> Float {
        let row = min(max(y * Float(height) - 0.5, 0), Float(height - 1)),
            column = min(max(x * Float(width) - 0.5, 0), Float(width - 1))
        let top = Int(row), left = Int(column), bottom = min(top + 1, height - 1), right = min(left + 1, width - 1)
        let down = row - Float(top), across = column - Float(left)
        func mixed(_ row: Int) -> Float { values[row * width + left] * (1 - across) + values[row * width + right] * across }
        return mixed(top) * (1 - down) + mixed(bottom) * down
    }
}
