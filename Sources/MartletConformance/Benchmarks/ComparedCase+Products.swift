import MartletCore

extension ComparedCase {
    func matmulWorkload(_ device: any Device) throws -> Workload {
        let shapes = try shapes(2...2)
        guard shapes[0].count == 2, shapes[1].count == 2, shapes[0][1] == shapes[1][0] else {
            throw refusal("\(shapes): [m, k] and [k, n] wanted")
        }
        let (m, k, n) = (shapes[0][0], shapes[0][1], shapes[1][1])
        func operand(_ rows: Int, _ columns: Int, _ stream: Int, transposed: Bool) -> Tensor {
            let stored = ComparedInput.floats(transposed ? [columns, rows] : [rows, columns], stream: stream, on: device)
            return transposed ? stored.transposed() : stored
        }
        let a = operand(m, k, 0, transposed: transposes == .left), b = operand(k, n, 1, transposed: transposes == .right)
        return Workload(operations: 2 * Double(m * k) * Double(n), floats: m * k + k * n + m * n) { [matmul(a, b)] }
    }

    func convolutionWorkload(_ device: any Device) throws -> Workload {
        let shapes = try shapes(2...2), image = shapes[0], weight = shapes[1]
        let options = try convolutionOptions()
        guard image.count == 4, weight.count == 4, image[1] == weight[1] * options.groups, weight[0] % options.groups == 0 else {
            throw refusal("\(shapes): [n, c, h, w] and [o, c / groups, kh, kw] wanted")
        }
        let size = options.outputSize(image: Pair(image[2], image[3]), kernel: Pair(weight[2], weight[3]))
        guard size.y >= 1, size.x >= 1 else { throw refusal("\(shapes): the kernel does not fit") }
        let result = [image[0], weight[0], size.y, size.x]
        let x = ComparedInput.floats(image, stream: 0, on: device), w = ComparedInput.floats(weight, stream: 1, on: device)
        let b = bias == true ? ComparedInput.floats([weight[0]], stream: 2, on: device) : nil
        let once = 2 * Double(result.reduce(1, *)) * Double(weight.dropFirst().reduce(1, *))
        guard pass == .both else {
            return Workload(operations: once) { [convolution(x, w, bias: b, options: options)] }
        }
        let dy = ComparedInput.floats(result, stream: 3, on: device), wantsImage = image[1] > 3
        let hasBias = b != nil
        return Workload(operations: once * (wantsImage ? 3 : 2)) {
            let y = convolution(x, w, bias: b, options: options).evaluated()
            var gradients: [Tensor] = []
            if wantsImage {
                let dx = Tensor(empty: image, on: device)
                device.convolutionInputGradient(
                    dy.view(on: device), w.view(on: device), into: dx.view(on: device), options: options)
                gradients.append(dx)
            }
            let dw = Tensor(empty: weight, on: device)
            device.convolutionWeightGradient(
                x.view(on: device), dy.view(on: device), into: dw.view(on: device), options: options)
            gradients.append(dw)
            if hasBias { gradients.append(dy.sum([0, 2, 3])) }
            return [y] + gradients
        }
    }

    private func convolutionOptions() throws -> ConvolutionOptions {
        let stride = stride ?? 1, padding = padding ?? 0, groups = groups ?? 1
        guard (1...64).contains(stride), (0...64).contains(padding), (1...65536).contains(groups) else {
            throw refusal("stride \(stride), padding \(padding), \(groups) groups")
        }
        var options = ConvolutionOptions(stride: Pair(stride, stride), padding: Pair(padding, padding), groups: groups)
        if let algorithm {
            guard let known = ConvolutionAlgorithm(rawValue: algorithm) else { throw refusal("no algorithm '\(algorithm)'") }
            options.algorithm = known
        }
        return options
    }
}
