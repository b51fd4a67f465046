/// Two-dimensional convolution (cross-correlation): x [n, c, h, w], weight [o, c / groups, kh, kw], bias [o], result
/// [n, o, oh, ow]; then the activation. `options.algorithm`, or else that of `withConvolutionAlgorithm`, also holds for the gradients.
public func convolution(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, options: ConvolutionOptions = .init(),
    activation: FusedActivation? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let shape = convolutionShape(x, weight, bias: bias, options, file, line)
    let options = options.scoped
    let inputs = [x, weight] + (bias.map { [$0] } ?? [])
    let device = Tensor.commonDevice(inputs, "convolution", file, line)
    let image = x.detached.contiguous(on: device), kernel = weight.detached.contiguous(on: device)
    let result = Tensor(empty: shape, on: device)
    if result.count > 0 {
        let plan = Epilogue.make(bias: bias?.contiguousView(on: device), biasAxis: 1, activation: activation)
        device.convolution(
            image.view(on: device), kernel.view(on: device), into: result.view(on: device), options: options,
            epilogue: plan?.epilogue(for: result.shape))
    }
    return result.recorded(inputs) { gradient, needed in
        let gradient = (activation.map { Tensor.pointwise($0.derivative, [result, gradient]) } ?? gradient).contiguous(on: device)
        let dy = gradient.view(on: device)
        var parts: [Tensor?] = [nil, nil]
        if needed[0] {
            parts[0] = Tensor(filling: image.shape, on: device, zero: gradient.count == 0) {
                device.convolutionInputGradient(dy, kernel.view(on: device), into: $0, options: options)
            }
        }
        if needed[1] {
            parts[1] = Tensor(filling: kernel.shape, on: device, zero: gradient.count == 0) {
                device.convolutionWeightGradient(image.view(on: device), dy, into: $0, options: options)
            }
        }
        if bias != nil { parts.append(needed[2] ? gradient.sum([0, 2, 3]) : nil) }
        return parts
    }
}

/// A convolution, then `scale` and `shift` of each channel ([o] or [o, 1, 1]), a residual of the result's shape and an activation, all
/// in one pass: batch normalisation by known statistics, folded into the convolution. It takes no part in gradients.
public func convolution(
    _ x: Tensor, _ weight: Tensor, options: ConvolutionOptions = .init(), scale: Tensor, shift: Tensor,
    adding residual: Tensor? = nil,
    activation: FusedActivation? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let shape = convolutionShape(x, weight, bias: nil, options, file, line)
    require(
        scale.count == shape[1] && shift.count == shape[1] && (residual == nil || residual!.shape == shape), "convolution",
        "scale \(scale.shape), shift \(shift.shape), residual \(residual?.shape ?? []) for \(shape)", file, line)
    let device = Tensor.commonDevice([x, weight, scale, shift] + (residual.map { [$0] } ?? []), "convolution", file, line)
    let result = Tensor(empty: shape, on: device)
    guard result.count > 0 else { return result }
    func channels(_ tensor: Tensor) -> View {
        let view = tensor.detached.contiguousView(on: device)
        return View(view.buffer, .float32, offset: view.offset, shape: shape, strides: [0, 1, 0, 0])
    }
    let affine = Expression.input(0) * .input(1) + .input(2)
    let sum = residual == nil ? affine : affine + .input(3)
    let epilogue = Epilogue(
        activation.map { sum.followed(by: $0.function) } ?? sum,
        operands: [channels(scale), channels(shift)] + (residual.map { [$0.detached.contiguousView(on: device)] } ?? []))
    device.convolution(
        x.detached.contiguousView(on: device), weight.detached.contiguousView(on: device), into: result.view(on: device),
        options: options.scoped, epilogue: epilogue)
    return result
}

/// The shape of a convolution's result; stops the program where the operands do not fit.
private func convolutionShape(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ options: ConvolutionOptions, _ file: StaticString, _ line: UInt
) -> [Int] {
    let groups = options.groups
    require(
        x.rank == 4 && weight.rank == 4 && groups >= 1 && x.type == .float32 && x.shape[1] == weight.shape[1] * groups
            && weight.shape[0] % groups == 0 && (bias == nil || bias!.shape == [weight.shape[0]]),
        "convolution", "\(x.shape) by weight \(weight.shape), bias \(bias?.shape ?? []), \(groups) groups", file, line)
    require(
        options.stride.isPositive && options.dilation.isPositive && options.padding.isNonNegative, "convolution", "\(options)",
        file, line)
    let size = options.outputSize(image: Pair(x.shape[2], x.shape[3]), kernel: Pair(weight.shape[2], weight.shape[3]))
    require(
        size.isPositive && weight.shape[2] > 0 && weight.shape[3] > 0, "convolution",
        "the kernel of weight \(weight.shape) does not fit into \(x.shape) with \(options)", file, line)
    return [x.shape[0], weight.shape[0], size.y, size.x]
}

extension Pair {
    var isPositive: Bool { y > 0 && x > 0 }
    var isNonNegative: Bool { y >= 0 && x >= 0 }
}

extension Tensor {
    /// A new tensor that `body` writes; zeros where there is nothing to compute from.
    init(filling shape: [Int], on device: any Device, zero: Bool = false, _ body: (View) -> Void) {
        if zero {
            self = Tensor.zeros(shape)
            return
        }
        self.init(empty: shape, on: device)
        if count > 0 { body(view(on: device)) }
    }
}
