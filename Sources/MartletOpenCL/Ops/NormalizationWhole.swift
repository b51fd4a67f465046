import MartletCore

/// The planes that share a statistic: `count` of them, `step` apart; those of the next one begin `firstStep` further on.
struct PlanesOfStatistic {
    let count: Int, step: Int, firstStep: Int

    static func batch(_ call: NormalizationCall) -> PlanesOfStatistic {
        PlanesOfStatistic(count: call.n, step: call.c, firstStep: 1)
    }

    static func group(_ call: NormalizationCall, groups: Int) -> PlanesOfStatistic {
        PlanesOfStatistic(count: call.c / groups, step: 1, firstStep: call.c / groups)
    }
}

/// Normalisation in one launch, on CPU-like devices with a few statistics for every core.
extension OpenCLDevice {
    func normalizesWhole(_ call: NormalizationCall, statistics: Int) -> Bool {
        deviceClass == .cpuLike && call.readsPlanes && statistics >= properties.computeUnits * 4
    }

    func wholeNorm(
        _ x: View, _ affine: Affine, into y: View, _ mean: View, _ inverse: View, _ call: NormalizationCall,
        _ planes: PlanesOfStatistic, _ epsilon: Float
    ) throws {
        try launchWhole(
            "whole_norm", call, planes, statistics: mean.count, result: y,
            [.tensor(x), .tensor(affine.scale), .tensor(affine.shift), .tensor(y), .tensor(mean), .tensor(inverse)],
            options: [.int(affine.scales), .int(affine.shifts), .float(epsilon)])
    }

    func wholeNormGradient(
        _ dy: View, _ x: View, scale: View?, _ mean: View, _ inverse: View, into dx: View, _ dScale: View, _ dShift: View,
        _ call: NormalizationCall
    ) throws {
        try launchWhole(
            "whole_norm_gradient", call, .batch(call), statistics: call.c, result: dx,
            [
                .tensor(dy), .tensor(x), .tensor(scale ?? x), .tensor(mean), .tensor(inverse), .tensor(dx), .tensor(dScale),
                .tensor(dShift),
            ], options: [.int(scale == nil ? 0 : 1)])
    }

    private func launchWhole(
        _ name: String, _ call: NormalizationCall, _ planes: PlanesOfStatistic, statistics: Int, result: View,
        _ operands: [KernelArgument], options: [KernelArgument]
    ) throws {
        var defines: Defines = ["GROUP": 1, "VEC": 16]
        if streams(result) { defines["STREAMED"] = 1 }
        let items = cpuItems(elements: call.n * call.columns, atMost: statistics), each = (statistics + items - 1) / items
        try launch(
            try kernel("NormalizationWhole", name, defines), global: WorkSize((statistics + each - 1) / each), local: 1,
            arguments: operands + [
                .size(statistics), .size(each), .size(call.c), .size(call.s), .size(planes.count), .size(planes.step),
                .size(planes.firstStep),
            ] + options)
    }
}
