import Foundation

/// An image in one of the colour spaces of selective search, three values a pixel of about 0...255.
struct ColorPlanes {
    /// Colour spaces, which are blind to different things: shadows, shading, highlights.
    enum Space: Sendable, CaseIterable {
        case hsv, lab, normalizedRGI, hue, intensity
    }

    let width: Int
    let height: Int
    var values: [Float]

    init(_ image: Image, _ space: Space) {
        width = image.width
        height = image.height
        values = [Float](repeating: 0, count: width * height * 3)
        let image = image.rgb()
        for pixel in 0..<width * height {
            let r = Float(image.pixels[3 * pixel]), g = Float(image.pixels[3 * pixel + 1]), b = Float(image.pixels[3 * pixel + 2])
            let value = Self.convert(r, g, b, space)
            for channel in 0..<3 { values[3 * pixel + channel] = value[channel] }
        }
    }

    private init(width: Int, height: Int, values: [Float]) {
        (self.width, self.height, self.values) = (width, height, values)
    }

    private static func convert(_ r: Float, _ g: Float, _ b: Float, _ space: Space) -> SIMD3<Float> {
        switch space {
        case .hsv: return hsv(r, g, b)
        case .lab: return lab(r, g, b)
        case .normalizedRGI:
            let sum = max(r + g + b, 1)
            return SIMD3(r / sum * 255, g / sum * 255, (r + g + b) / 3)
        case .hue:
            let hue = hsv(r, g, b).x
            return SIMD3(repeating: hue)
        case .intensity: return SIMD3(repeating: 0.299 * r + 0.587 * g + 0.114 * b)
        }
    }

    private static func hsv(_ r: Float, _ g: Float, _ b: Float) -> SIMD3<Float> {
        let high = max(r, g, b), range = high - min(r, g, b)
        var hue: Float = 0
        if range > 0 {
            if high == r {
                hue = (g - b) / range
            } else if high == g {
                hue = 2 + (b - r) / range
            } else {
                hue = 4 + (r - g) / range
            }
            if hue < 0 { hue += 6 }
        }
        return SIMD3(hue / 6 * 255, high > 0 ? range / high * 255 : 0, high)
    }

    /// CIE L*a*b* of sRGB under D65, brought to 0...255.
    private static func lab(_ r: Float, _ g: Float, _ b: Float) -> SIMD3<Float> {
        func linear(_ value: Float) -> Float {
            let v = value / 255
            return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
        }
        let (lr, lg, lb) = (linear(r), linear(g), linear(b))
        func curve(_ t: Float) -> Float { t > 0.008856 ? cbrt(t) : 7.787 * t + 16 / 116 }
        let x = curve((0.4124 * lr + 0.3576 * lg + 0.1805 * lb) / 0.9505), y = curve(0.2126 * lr + 0.7152 * lg + 0.0722 * lb)
        let z = curve((0.0193 * lr + 0.1192 * lg + 0.9505 * lb) / 1.089)
        return SIMD3((116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128)
    }

    /// Blurred by a Gaussian, the border repeated.
    func blurred(deviation: Float) -> ColorPlanes {
        let reach = Int((deviation * 3).rounded(.up))
        var weights = (-reach...reach).map { exp(-Float($0 * $0) / (2 * deviation * deviation)) }
        let sum = weights.reduce(0, +)
        weights = weights.map { $0 / sum }
        func pass(_ source: [Float], _ dx: Int, _ dy: Int) -> [Float] {
            [Float](unsafeUninitializedCapacity: source.count) { target, initialized in
                source.withUnsafeBufferPointer { source in
                    for y in 0..<height {
                        for x in 0..<width {
                            var total = SIMD3<Float>(repeating: 0)
                            for (place, weight) in weights.enumerated() {
                                let column = min(max(x + dx * (place - reach), 0), width - 1)
                                let row = min(max(y + dy * (place - reach), 0), height - 1)
                                let at = 3 * (row * width + column)
                                total += weight * SIMD3(source[at], source[at + 1], source[at + 2])
                            }
                            for channel in 0..<3 { target[3 * (y * width + x) + channel] = total[channel] }
                        }
                    }
                }
                initialized = source.count
            }
        }
        return ColorPlanes(width: width, height: height, values: pass(pass(values, 1, 0), 0, 1))
    }
}
