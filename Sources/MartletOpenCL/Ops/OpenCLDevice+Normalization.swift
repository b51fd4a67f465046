import MartletCore

extension OpenCLDevice: NormalizationOps {
    public func batchNorm(
        _ x: View, scale: View?, shift: View?, epsilon: Float,
        into y: View, mean: View, inverseDeviation: View
    ) {
        let call = NormalizationCall("batchNorm", x, groups: nil, [y], [scale, shift], [mean, inverseDeviation])
        guarded("batchNorm", inputs: [x] + [scale, shift].compactMap { $0 }, outputs: [y, mean, inverseDeviation]) {
            guard x.count > 0 else { return fill(.constant(.nan), [mean, inverseDeviation]) }
            let affine = Affine(scale: scale, shift: shift, placeholder: x)
            if normalizesWhole(call, statistics: call.c) {
                try wholeNorm(x, affine, into: y, mean, inverseDeviation, call, .batch(call), epsilon)
            } else if call.readsPlanes {
                let cut = planeCut(samples: call.n, channels: call.c, call.s)
                let partial = try scratchView(3 * call.c * cut.parts)
                try planeMoments(x, into: partial, samples: call.n, channels: call.c, call.s, cut)
                try joinMoments(
                    partial, affine, mean, inverseDeviation, spread: nil, channels: call.c,
                    .ofPlanes(channels: call.c, cut), epsilon)
                try planeNormalize(x, affine, mean, inverseDeviation, into: y, call, planesEach: 1, statistics: call.c)
            } else {
                let cut = columnCut(rows: call.n, columns: call.columns)
                let partial = try scratchView(3 * call.columns * cut.parts), spread = try scratchView(3 * call.columns)
                let kernel = try columnKernel("column_moments")
                try launch(
                    kernel, global: cut.global, local: columnLocal(cut), .tensor(x), .tensor(partial), .size(call.n),
                    .size(call.columns), .size(cut.rowsEach), .size(cut.columnsEach), .size(cut.parts))
                try joinMoments(
                    partial, affine, mean, inverseDeviation, spread: spread, channels: call.c,
                    .ofColumns(call, cut), epsilon)
                try launch(
                    try columnKernel("column_normalize"), global: cut.global, local: columnLocal(cut), .tensor(x),
                    .tensor(spread), .tensor(y), .size(call.n), .size(call.columns), .size(cut.rowsEach),
                    .size(cut.columnsEach))
            }
        }
    }

    public func batchNormGradient(
        _ dy: View, _ x: View, scale: View?, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View
    ) {
        let call = NormalizationCall(
            "batchNormGradient", x, groups: nil, [dy, dx], [scale, dScale, dShift],
            [mean, inverseDeviation])
        guarded(
            "batchNormGradient", inputs: [dy, x, mean, inverseDeviation] + [scale].compactMap { $0 },
            outputs: [dx, dScale, dShift]
        ) {
            guard x.count > 0 else { return fill(.constant(0), [dScale, dShift]) }
            if normalizesWhole(call, statistics: call.c) {
                try wholeNormGradient(dy, x, scale: scale, mean, inverseDeviation, into: dx, dScale, dShift, call)
            } else if call.readsPlanes {
                let cut = planeCut(samples: call.n, channels: call.c, call.s)
                let partial = try scratchView(2 * call.c * cut.parts), coefficients = try scratchView(2 * call.c)
                try planeSums(dy, x, mean, into: partial, samples: call.n, channels: call.c, call.s, cut, channelsEach: 1)
                try joinChannelSums(
                    partial, scale, mean, inverseDeviation, dScale, dShift, coefficients, call,
                    .ofPlanes(channels: call.c, cut), spreads: false)
                try planeGradient(
                    dy, x, scale, mean, inverseDeviation, coefficients, into: dx, call, planesEach: 1,
                    statistics: call.c)
            } else {
                let cut = columnCut(rows: call.n, columns: call.columns)
                let partial = try scratchView(2 * call.columns * cut.parts), spread = try scratchView(4 * call.columns)
                try launch(
                    try columnKernel("column_sums"), global: cut.global, local: columnLocal(cut), .tensor(dy), .tensor(x),
                    .tensor(try spreadChannels(mean, call)), .tensor(partial), .size(call.n), .size(call.columns),
                    .size(cut.rowsEach), .size(cut.columnsEach), .size(cut.parts))
                try joinChannelSums(
                    partial, scale, mean, inverseDeviation, dScale, dShift, spread, call,
                    .ofColumns(call, cut), spreads: true)
                try launch(
                    try columnKernel("column_gradient"), global: cut.global, local: columnLocal(cut), .tensor(dy),
                    .tensor(x), .tensor(spread), .tensor(dx), .size(call.n), .size(call.columns), .size(cut.rowsEach),
                    .size(cut.columnsEach))
            }
        }
    }

    public func groupNorm(
        _ x: View, scale: View?, shift: View?, groups: Int, epsilon: Float,
        into y: View, mean: View, inverseDeviation: View
    ) {
        let call = NormalizationCall("groupNorm", x, groups: groups, [y], [scale, shift], [mean, inverseDeviation])
        guarded("groupNorm", inputs: [x] + [scale, shift].compactMap { $0 }, outputs: [y, mean, inverseDeviation]) {
            guard x.count > 0 else { return fill(.constant(.nan), [mean, inverseDeviation]) }
            if normalizesWhole(call, statistics: call.n * groups) {
                let affine = Affine(scale: scale, shift: shift, placeholder: x)
                try wholeNorm(x, affine, into: y, mean, inverseDeviation, call, .group(call, groups: groups), epsilon)
            } else if call.readsPlanes {
                let affine = Affine(scale: scale, shift: shift, placeholder: x)
                // A group's elements lie together: one plane for each.
                let rows = call.n * groups, length = call.columns / groups
                let cut = planeCut(samples: 1, channels: rows, length)
                let partial = try scratchView(3 * rows * cut.parts)
                try planeMoments(x, into: partial, samples: 1, channels: rows, length, cut)
                try joinMoments(
                    partial, affine, mean, inverseDeviation, spread: nil, channels: rows,
                    .ofPlanes(channels: rows, cut), epsilon)
                try planeNormalize(
                    x, affine, mean, inverseDeviation, into: y, call, planesEach: call.c / groups,
                    statistics: rows)
            } else {
                let scale = try scale.map { try spreadChannels($0, call) }, shift = try shift.map { try spreadChannels($0, call) }
                try launchRows(
                    "NormalizationRows", "row_norm", rows: call.n * groups, n: call.columns / groups,
                    [
                        .tensor(x), .tensor(scale ?? x), .tensor(shift ?? x), .tensor(y), .tensor(mean),
                        .tensor(inverseDeviation),
                    ],
                    options: [.size(groups), .int(scale == nil ? 0 : 1), .int(shift == nil ? 0 : 1), .float(epsilon)],
                    result: y)
            }
        }
    }

    public func groupNormGradient(
        _ dy: View, _ x: View, scale: View?, groups: Int, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View
    ) {
        let call = NormalizationCall(
            "groupNormGradient", x, groups: groups, [dy, dx], [scale, dScale, dShift],
            [mean, inverseDeviation])
        guarded(
            "groupNormGradient", inputs: [dy, x, mean, inverseDeviation] + [scale].compactMap { $0 },
            outputs: [dx, dScale, dShift]
        ) {
            guard x.count > 0 else { return fill(.constant(0), [dScale, dShift]) }
            if call.readsPlanes {
                try groupGradientOfPlanes(dy, x, scale, groups, mean, inverseDeviation, dx, dScale, dShift, call)
            } else {
                try groupGradientOfColumns(dy, x, scale, groups, mean, inverseDeviation, dx, dScale, dShift, call)
            }
        }
    }

    /// The results that have elements where x has none.
    private func fill(_ value: Expression, _ outputs: [View]) {
        for output in outputs where output.count > 0 { pointwise(value, scalars: [], inputs: [], outputs: [output]) }
    }

    private func groupGradientOfPlanes(
        _ dy: View, _ x: View, _ scale: View?, _ groups: Int, _ mean: View, _ inverse: View,
        _ dx: View, _ dScale: View, _ dShift: View, _ call: NormalizationCall
    ) throws {
        let planes = call.n * call.c, statistics = call.n * groups, channelsEach = call.c / groups
        let cut = planeCut(samples: 1, channels: planes, call.s)
        let partial = try scratchView(2 * planes * cut.parts), coefficients = try scratchView(2 * statistics)
        try planeSums(dy, x, mean, into: partial, samples: 1, channels: planes, call.s, cut, channelsEach: channelsEach)
        let affine = Affine(scale: scale, shift: nil, placeholder: x)
        try launchChannels(
            "group_coefficients", statistics,
            [
                .tensor(partial), .tensor(affine.scale), .tensor(inverse), .tensor(coefficients), .size(call.n),
                .size(call.c), .size(cut.parts), .size(groups), .int(affine.scales),
                .float(Float(channelsEach * call.s)),
            ])
        try launchChannels(
            "join_group_sums", call.c,
            [
                .tensor(partial), .tensor(inverse), .tensor(dScale), .tensor(dShift), .size(call.n), .size(call.c),
                .size(cut.parts), .size(groups),
            ])
        try planeGradient(
            dy, x, scale, mean, inverse, coefficients, into: dx, call, planesEach: channelsEach,
            statistics: statistics)
    }

    private func groupGradientOfColumns(
        _ dy: View, _ x: View, _ scale: View?, _ groups: Int, _ mean: View, _ inverse: View,
        _ dx: View, _ dScale: View, _ dShift: View, _ call: NormalizationCall
    ) throws {
        let spread = try scale.map { try spreadChannels($0, call) }
        try launchRows(
            "NormalizationRows", "row_norm_gradient", rows: call.n * groups, n: call.columns / groups,
            [.tensor(dy), .tensor(x), .tensor(spread ?? x), .tensor(mean), .tensor(inverse), .tensor(dx)],
            options: [.size(groups), .int(scale == nil ? 0 : 1)], result: dx, held: 2)
        let cut = columnCut(rows: call.n, columns: call.columns, groups: groups)
        let partial = try scratchView(2 * call.columns * cut.parts)
        try launch(
            try columnKernel("column_sums_by_row"), global: cut.global, local: columnLocal(cut), .tensor(dy), .tensor(x),
            .tensor(mean), .tensor(inverse), .tensor(partial), .size(call.n), .size(call.columns), .size(cut.rowsEach),
            .size(cut.columnsEach), .size(cut.parts), .size(groups))
        try joinColumnSums(partial, dScale, dShift, call, .ofColumns(call, cut))
    }
}
