import MartletCore

/// Types, places in memory, several results, and writing in place.
enum PointwiseStorageCases {
    static let all = [
        ConformanceCase(.pointwise, "int32 to float32", draws: 2) { random, _ in
            Comparison([random.integers([9, 5], -100_000...100_000)], within: .exact) {
                [$0[0].converted(to: .float32), $0[0] * 2]
            } reference: {
                [$0[0], $0[0].map { $0 * 2 }]
            }
        },
        ConformanceCase(.pointwise, "float32 to int32 drops the fraction", draws: 2) { random, _ in
            var operand = random.floats([8, 7], -50, 50)
            for (index, value) in [Float(0.99), -0.99, 2.5, -2.5, 16_777_216, -16_777_215, -0.0].enumerated() {
                operand.set(index, value)
            }
            return Comparison([operand], within: .exact) {
                [$0[0].converted(to: .int32), ($0[0] + 0.25).converted(to: .int32)]
            } reference: {
                [$0[0].map { $0.rounded(.towardZero) }, $0[0].map { Double((Float($0) + 0.25).rounded(.towardZero)) }]
            }
        },
        ConformanceCase(.pointwise, "copies keep every bit", draws: 6) { random, _ in
            Comparison([random.integers([7, 6], Int(Int32.min)...Int(Int32.max)), random.specials([7, 6])], within: .exact) {
                [concatenate([$0[0], $0[0].transposed().reshaped([7, 6])]), concatenate([$0[1], $0[1]], axis: 1)]
            } reference: {
                [
                    Reference.concatenate([$0[0], $0[0].permuted([1, 0]).reshaped([7, 6])], axis: 0),
                    Reference.concatenate([$0[1], $0[1]], axis: 1),
                ]
            }
        },
        ConformanceCase(.pointwise, "several results, strided and in place", draws: 4) { random, draw in
            let expression = Expression.results([
                .input(0) + .input(1) * .scalar(0), .input(0) - .input(1), .scalar(1) * .input(0).square,
            ])
            let shape = draw < 2 ? [6, 10] : [3, 4, 5]
            return Comparison([random.floats(shape), random.floats(shape)], within: .strict, variesLayout: false) { tensors in
                let device = tensors[0].resolvedDevice()
                let x = Tensor(empty: shape, on: device), wide = Tensor(empty: [2] + shape, on: device)
                x.write(tensors[0], on: device)
                // Every second element of a larger array whose axes lie the other way round.
                let strided = Tensor(empty: shape.reversed() + [2], on: device)
                strided.write(Tensor.zeros(strided.shape), on: device)
                let hole = strided.sliced(axis: -1, 1..<2).squeezedView().permuted(Array(shape.indices.reversed()))
                let third = Tensor(wide.storage, shape: shape, offset: shape.reduce(1, *))
                device.pointwise(
                    expression, scalars: [0.5, 3], inputs: [x.view(on: device), tensors[1].view(on: device)],
                    outputs: [x.view(on: device), hole.view(on: device), third.view(on: device)])
                let untouched = strided.sliced(axis: -1, 0..<1)
                return [x, hole, third, untouched]
            } reference: {
                [
                    Reference.combine($0) { $0[0] + $0[1] * 0.5 }, Reference.combine($0) { $0[0] - $0[1] },
                    $0[0].map { 3 * $0 * $0 },
                    Reference(shape.reversed() + [1]),
                ]
            }
        },
        ConformanceCase(.pointwise, "large arrays", draws: 2) { random, draw in
            let shape = draw == 0 ? [300, 1001] : [70_001]
            return Comparison([random.floats(shape), random.floats([shape.last!])], within: .strict) {
                [($0[0] * $0[1] + 1).relu()]
            } reference: {
                [Reference.combine($0) { max($0[0] * $0[1] + 1, 0) }]
            }
        },
        ConformanceCase(.pointwise, procedure: "writing leaves earlier readers their values") { device, _ in
            let values = (0..<100).map { Float($0) }
            var parameter = try Tensor(values, shape: [100]).on(device)
            let waiting = parameter * 2
            let view = parameter.sliced(axis: 0, 10..<20)
            let copy = parameter
            var groups = [[parameter]]
            parameter = Tensor(0)
            Tensor.update(.input(0) + .scalar(0), scalars: [1000], groups: &groups)
            try expect(try groups[0][0].floats() == values.map { $0 + 1000 }, "the update was not written")
            try expect(try waiting.floats() == values.map { $0 * 2 }, "waiting work saw the new values")
            try expect(try view.floats() == Array(values[10..<20]), "a view saw the new values")
            try expect(try copy.floats() == values, "a copy saw the new values")
        },
    ]
}

extension Tensor {
    /// Without its last axis, of extent 1, in the same memory.
    fileprivate func squeezedView() -> Tensor {
        Tensor(storage, shape: shape.dropLast(), strides: strides.dropLast(), offset: offset)
    }
}
