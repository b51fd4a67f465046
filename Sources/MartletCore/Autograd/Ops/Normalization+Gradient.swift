/// A normalised tensor, and the statistics it was normalised with.
public struct BatchNormResult {
    public var output: Tensor
    /// Of each channel, [c].
    public var mean: Tensor
    /// Of each channel, [c], divided by the count.
    public var variance: Tensor
}

/// Batch normalisation in training: x [n, c, ...] by the mean and variance of each channel, then `scale` and `shift` [c]; then
/// `residual`, of x's shape, is added; then the activation. Ioffe and Szegedy, "Batch normalization", 2015.
public func batchNorm(
    _ x: Tensor, scale: Tensor?, shift: Tensor?, epsilon: Float = 1e-5, adding residual: Tensor? = nil,
    activation: FusedActivation? = nil, file: StaticString = #fileID, line: UInt = #line
) -> BatchNormResult {
    require(x.rank >= 2 && x.count > 0, "batchNorm", "[n, c, ...] with elements wanted, not \(x.shape)", file, line)
    let channels = x.shape[1]
    requireAffine("batchNorm", scale, shift, [channels], file, line)
    require(
        residual == nil || residual!.shape == x.shape, "batchNorm", "residual \(residual?.shape ?? []) for \(x.shape)", file, line
    )
    let device = Tensor.commonDevice([x, scale, shift, residual].compactMap { $0 }, "batchNorm", file, line)
    let extents = [x.shape[0], channels, x.shape[2...].reduce(1, *)]
    let input = x.detached.contiguous(on: device), gain = scale?.detached
    let output = Tensor(empty: x.shape, on: device)
    let mean = Tensor(empty: [channels], on: device), inverse = Tensor(empty: [channels], on: device)
    device.batchNorm(
        input.view(on: device).reshaped(extents), scale: gain?.contiguousView(on: device),
        shift: shift?.contiguousView(on: device), epsilon: epsilon, into: output.view(on: device).reshaped(extents),
        mean: mean.view(on: device), inverseDeviation: inverse.view(on: device))
    output.finish(adding: residual?.detached, activation, on: device)
    let recorded = output.recordedNormalization(
        x, scale, shift, channels: extents[1], residual: residual, activation: activation, on: device
    ) { dy, dx, dScale, dShift in
        device.batchNormGradient(
            dy.reshaped(extents), input.view(on: device).reshaped(extents), scale: gain?.contiguousView(on: device),
            mean: mean.view(on: device), inverseDeviation: inverse.view(on: device),
            into: dx.reshaped(extents), dScale: dScale, dShift: dShift)
    }
    let variance = Tensor.pointwise(1 / Expression.input(0).square - .scalar(0), scalars: [epsilon], [inverse])
    return BatchNormResult(output: recorded, mean: mean, variance: variance)
}

/// Group normalisation: each sample of x [n, c, ...] by the mean and variance of each of its groups of channels, then `scale`
/// and `shift` [c]. Wu and He, "Group normalization", 2018.
public func groupNorm(
    _ x: Tensor, groups: Int, scale: Tensor?, shift: Tensor?, epsilon: Float = 1e-5,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        x.rank >= 2 && groups >= 1 && x.shape[1] % groups == 0 && x.shape[1] > 0, "groupNorm", "\(x.shape) in \(groups) groups",
        file, line)
    requireAffine("groupNorm", scale, shift, [x.shape[1]], file, line)
    return normalizedByGroup(
        "groupNorm", x, extents: [x.shape[0], x.shape[1], x.shape[2...].reduce(1, *)], groups: groups,
        scale: scale, shift: shift, epsilon: epsilon, file, line)
}

/// Layer normalisation over the last `axes` axes, then `scale` and `shift` of their shape. Ba, Kiros and Hinton, "Layer
/// normalization", 2016.
public func layerNorm(
    _ x: Tensor, axes: Int = 1, scale: Tensor?, shift: Tensor?, epsilon: Float = 1e-5,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        axes >= 1 && axes <= x.rank && x.shape.suffix(axes).allSatisfy { $0 > 0 }, "layerNorm",
        "the last \(axes) axes of \(x.shape)", file, line)
    let normal = Array(x.shape.suffix(axes))
    requireAffine("layerNorm", scale, shift, normal, file, line)
    return normalizedByGroup(
        "layerNorm", x, extents: [x.shape.dropLast(axes).reduce(1, *), normal.reduce(1, *), 1], groups: 1,
        scale: scale, shift: shift, epsilon: epsilon, file, line)
}

private func normalizedByGroup(
    _ operation: String, _ x: Tensor, extents: [Int], groups: Int, scale: Tensor?, shift: Tensor?,
    epsilon: Float, _ file: StaticString, _ line: UInt
) -> Tensor {
    let device = Tensor.commonDevice([x, scale, shift].compactMap { $0 }, operation, file, line)
    let input = x.detached.contiguous(on: device), gain = scale?.detached
    let output = Tensor(empty: x.shape, on: device)
    let mean = Tensor(empty: [extents[0], groups], on: device), inverse = Tensor(empty: [extents[0], groups], on: device)
    func flat(_ tensor: Tensor?) -> View? { tensor.map { $0.contiguousView(on: device).reshaped([extents[1]]) } }
    if x.count > 0 {
        device.groupNorm(
            input.view(on: device).reshaped(extents), scale: flat(gain), shift: flat(shift), groups: groups, epsilon: epsilon,
            into: output.view(on: device).reshaped(extents), mean: mean.view(on: device),
            inverseDeviation: inverse.view(on: device))
    }
    return output.recordedNormalization(x, scale, shift, channels: extents[1], on: device) { dy, dx, dScale, dShift in
        device.groupNormGradient(
            dy.reshaped(extents), input.view(on: device).reshaped(extents), scale: flat(gain), groups: groups,
            mean: mean.view(on: device), inverseDeviation: inverse.view(on: device),
            into: dx.reshaped(extents), dScale: dScale.reshaped([extents[1]]), dShift: dShift.reshaped([extents[1]]))
    }
}

private func requireAffine(
    _ operation: String, _ scale: Tensor?, _ shift: Tensor?, _ shape: [Int], _ file: StaticString, _ line: UInt
) {
    for (name, tensor) in [("scale", scale), ("shift", shift)] {
        if let tensor { require(tensor.shape == shape, operation, "\(name) \(tensor.shape), not \(shape)", file, line) }
    }
}

extension Tensor {
    /// Adds the residual and applies the activation, in place.
    fileprivate func finish(adding residual: Tensor?, _ activation: FusedActivation?, on device: any Device) {
        let sum = residual == nil ? Expression.input(0) : .input(0) + .input(1)
        guard residual != nil || activation != nil else { return }
        let own = view(on: device)
        device.pointwise(
            activation.map { sum.followed(by: $0.function) } ?? sum, scalars: [],
            inputs: [own] + (residual.map { [$0.contiguousView(on: device)] } ?? []), outputs: [own])
    }

    fileprivate func recordedNormalization(
        _ x: Tensor, _ scale: Tensor?, _ shift: Tensor?, channels: Int, residual: Tensor? = nil,
        activation: FusedActivation? = nil, on device: any Device, _ gradient: @escaping (View, View, View, View) -> Void
    ) -> Tensor {
        let affine = [scale, shift].compactMap { $0 }, added = residual.map { [$0] } ?? []
        let shape = x.shape, parameters = affine.first?.shape ?? [channels], hasScale = scale != nil
        let result = activation == nil ? nil : self
        return recorded([x] + affine + added) { dy, _ in
            if shape.contains(0) {
                return [Tensor.zeros(shape)] + affine.map { Tensor.zeros($0.shape) } + added.map { Tensor.zeros($0.shape) }
            }
            var dy = dy
            if let activation, let result { dy = Tensor.pointwise(activation.derivative, [result, dy]) }
            let dx = Tensor(empty: shape, on: device)
            let dScale = Tensor(empty: parameters, on: device), dShift = Tensor(empty: parameters, on: device)
            gradient(dy.contiguousView(on: device), dx.view(on: device), dScale.view(on: device), dShift.view(on: device))
            return [dx] + (hasScale ? [dScale] : []) + (affine.count == (hasScale ? 2 : 1) ? [dShift] : [])
                + added.map { _ in dy }
        }
    }
}
