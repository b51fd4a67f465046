import MartletCore

/// Convolution as its definition has it: every pair of an output position and a kernel position that falls inside the image.
struct ConvolutionReference {
    let image: [Int]
    let weight: [Int]
    let options: ConvolutionOptions
    let output: [Int]

    init(_ image: [Int], _ weight: [Int], _ options: ConvolutionOptions) {
        self.image = image
        self.weight = weight
        self.options = options
        func extent(_ image: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
            // The positions at which the whole kernel lies inside the padded image.
            var count = 0
            while count * stride + (kernel - 1) * dilation < image + 2 * padding { count += 1 }
            return count
        }
        output = [
            image[0], weight[0], extent(image[2], weight[2], options.stride.y, options.padding.y, options.dilation.y),
            extent(image[3], weight[3], options.stride.x, options.padding.x, options.dilation.x),
        ]
    }

    func forward(_ x: Reference, _ w: Reference) -> Reference {
        var y = [Double](repeating: 0, count: output.reduce(1, *))
        eachTerm { y[$2] += x.values[$0] * w.values[$1] }
        return Reference(output, y)
    }

    func inputGradient(_ dy: Reference, _ w: Reference) -> Reference {
        var dx = [Double](repeating: 0, count: image.reduce(1, *))
        eachTerm { dx[$0] += dy.values[$2] * w.values[$1] }
        return Reference(image, dx)
    }

    func weightGradient(_ x: Reference, _ dy: Reference) -> Reference {
        var dw = [Double](repeating: 0, count: weight.reduce(1, *))
        eachTerm { dw[$1] += x.values[$0] * dy.values[$2] }
        return Reference(weight, dw)
    }

    /// The positions in the image, the weight and the output of every product that the convolution adds up.
    @inline(__always)
    private func eachTerm(_ body: (Int, Int, Int) -> Void) {
        let channels = weight[1], outputs = weight[0] / options.groups
        for sample in 0..<output[0] {
            for out in 0..<output[1] {
                for channel in 0..<channels {
                    let plane = (sample * image[1] + out / outputs * channels + channel) * image[2]
                    for ky in 0..<weight[2] {
                        for kx in 0..<weight[3] {
                            let position = ((out * channels + channel) * weight[2] + ky) * weight[3] + kx
                            for oy in 0..<output[2] {
                                let y = oy * options.stride.y - options.padding.y + ky * options.dilation.y
                                if y < 0 || y >= image[2] { continue }
                                for ox in 0..<output[3] {
                                    let x = ox * options.stride.x - options.padding.x + kx * options.dilation.x
                                    if x < 0 || x >= image[3] { continue }
                                    body(
                                        (plane + y) * image[3] + x, position,
                                        ((sample * output[1] + out) * output[2] + oy) * output[3] + ox)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
