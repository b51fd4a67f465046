import CMartletImage

/// Resampling of planes of floating-point values.
package enum Resampling {
    /// Every plane of [planes, h, w] resampled bilinearly with half-pixel centres and no antialiasing: what PyTorch's
    /// `interpolate` does for `mode="bilinear", align_corners=False`.
    package static func bilinear(
        _ values: [Float], planes: Int, from input: (height: Int, width: Int), to output: (height: Int, width: Int)
    ) -> [Float] {
        precondition(values.count == planes * input.height * input.width && input.height > 0 && input.width > 0)
        let rows = weights(from: input.height, to: output.height)
        let columns = weights(from: input.width, to: output.width)
        let count = planes * output.height * output.width
        return [Float](unsafeUninitializedCapacity: count) { result, initialized in
            values.withUnsafeBufferPointer { values in
                var position = 0
                for plane in 0..<planes {
                    let base = plane * input.height * input.width
                    for row in rows {
                        let upper = base + row.low * input.width
                        let lower = base + row.high * input.width
                        for column in columns {
                            let above =
                                (1 - column.fraction) * values[upper + column.low] + column.fraction * values[upper + column.high]
                            let below =
                                (1 - column.fraction) * values[lower + column.low] + column.fraction * values[lower + column.high]
                            result[position] = (1 - row.fraction) * above + row.fraction * below
                            position += 1
                        }
                    }
                }
            }
            initialized = count
        }
    }

    /// Every plane of [planes, h, w] resized with antialiasing, as PyTorch's `interpolate` does it with `antialias=True`.
    package static func antialiased(
        _ values: [Float], planes: Int, from input: (height: Int, width: Int), to output: (height: Int, width: Int),
        interpolation: Interpolation
    ) -> [Float] {
        precondition(values.count == planes * input.height * input.width && input.height > 0 && input.width > 0)
        let count = planes * output.height * output.width
        return [Float](unsafeUninitializedCapacity: count) { result, initialized in
            let done = martlet_planes_resize(
                values, planes, input.height, input.width, interpolation.filter, result.baseAddress, output.height, output.width)
            precondition(done != 0, "Resampling: out of memory for \(count) values")
            initialized = count
        }
    }

    /// The two source positions of each target position, and how far it lies from the first towards the second.
    private static func weights(from input: Int, to output: Int) -> [(low: Int, high: Int, fraction: Float)] {
        let scale = Float(input) / Float(output)
        return (0..<output).map { target in
            let source = max(scale * (Float(target) + 0.5) - 0.5, 0)
            let low = min(Int(source), input - 1)
            return (low, min(low + 1, input - 1), source - Float(low))
        }
    }
}
