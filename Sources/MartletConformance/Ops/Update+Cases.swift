import MartletCore

enum UpdateCases {
    static let all = rules + [shared, norms, notFiniteNorm, many, views, unchanged]

    private typealias Rule = (name: String, expression: Expression, scalars: [Float], tensors: Int)

    /// Inputs: parameter, state..., gradient; results: the new parameter and state.
    private static let rules = plans.map { plan in
        ConformanceCase(.update, plan.name, draws: 3) { random, _ in
            let shapes = [[3, 4], [1], [0, 5], [257], [2, 3, 5], [1031, 3]]
            // The states are squares and the like: not negative.
            let operands = shapes.flatMap { shape in
                (0..<plan.tensors).map { $0 == 1 ? random.floats(shape, 0.1, 2) : random.floats(shape) }
            }
            let written = plan.expression.results.count
            return Comparison(operands, within: .strict) { tensors in
                var groups = split(tensors, plan.tensors)
                Tensor.update(plan.expression, scalars: plan.scalars, groups: &groups)
                return groups.flatMap { $0 }
            } reference: { inputs in
                split(inputs, plan.tensors).flatMap { group in
                    (0..<plan.tensors).map { position in
                        guard position < written else { return group[position] }
                        return Reference.combine(group) {
                            plan.expression.reference($0, scalars: plan.scalars.map(Double.init))[position]
                        }
                    }
                }
            }
        }
    }

    private static let plans: [Rule] = [
        ("plain step", .input(0) - .scalar(0) * .input(1), [0.1], 2),
        ("momentum", momentum, [0.1, 0.9], 3),
        ("Adam", adam, [0.9, 0.999, 0.01, 1e-8, 1.5], 4),
    ]

    private static var momentum: Expression {
        let velocity = Expression.scalar(1) * .input(1) + .input(2)
        return .results([.input(0) - .scalar(0) * velocity, velocity])
    }

    /// Parameter, second moment, first moment, gradient.
    private static var adam: Expression {
        let gradient = Expression.input(3)
        let first = .scalar(0) * .input(2) + (1 - .scalar(0)) * gradient
        let second = .scalar(1) * .input(1) + (1 - .scalar(1)) * gradient.square
        return .results([.input(0) - .scalar(2) * first / (second.squareRoot * .scalar(4) + .scalar(3)), second, first])
    }

    /// A factor and a flag that all parameters read, one of them the result of a reduction.
    private static let shared = ConformanceCase(.update, "numbers shared by all tensors", draws: 3) { random, draw in
        let expression = Expression.select(.input(1), .input(2) - .input(0) * .input(3), .input(2))
        let flag = Operand([[1, 0, Float.nan][draw]], [])
        return Comparison(
            [
                random.floats([6, 7]), flag, random.floats([40]), random.floats([40]), random.floats([5, 3]),
                random.floats([5, 3]),
            ],
            within: .balanced
        ) { tensors in
            var groups = [[tensors[2], tensors[3]], [tensors[4], tensors[5]]]
            Tensor.update(expression, scalars: [], shared: [tensors[0].norm(), tensors[1]], groups: &groups)
            return [groups[0][0], groups[1][0]]
        } reference: { inputs in
            let factor = ReductionReference.norm(inputs[0].values), flag = inputs[1].values[0]
            return [(2, 3), (4, 5)].map { parameter, gradient in
                Reference.combine([inputs[parameter], inputs[gradient]]) { flag != 0 ? $0[0] - factor * $0[1] : $0[0] }
            }
        }
    }

    /// Of one tensor and of more than one launch takes, some empty, some views.
    private static let norms = ConformanceCase(.update, "norm of many tensors", draws: 3) { random, draw in
        let shapes = [
            [[5]], [[3, 4], [1], [0, 5], [257], [70_001], [2, 3, 5], [1031, 3]], (0..<75).map { [$0 % 9 + 1, $0 * 7 + 1] },
        ][draw]
        return Comparison(shapes.map { random.floats($0, -3, 3) }, within: .balanced) {
            [Tensor.norm(of: $0)]
        } reference: { inputs in
            [Reference([], [ReductionReference.norm(inputs.flatMap(\.values))])]
        }
    }

    private static let notFiniteNorm = ConformanceCase(.update, "norm with NaN and infinity", draws: 2) { random, draw in
        var one = random.floats([40, 3])
        one.set(77, [.nan, -.infinity][draw])
        return Comparison([random.floats([1000]), one], within: .balanced) {
            [Tensor.norm(of: $0)]
        } reference: { _ in
            [Reference([], [[Double.nan, .infinity][draw]])]
        }
    }

    private static let many = ConformanceCase(.update, procedure: "hundreds of tensors in few launches") { device, random in
        let counts = (0..<300).map { _ in random.int(1...90) }
        let values = counts.map { count in (0..<count).map { Float($0) } }
        var groups = try values.map {
            [try Tensor($0, shape: [$0.count]).on(device), try Tensor($0, shape: [$0.count]).on(device)]
        }
        let before = device.statistics.launches
        Tensor.update(.input(0) - .scalar(0) * .input(1), scalars: [0.5], groups: &groups)
        let launches = device.statistics.launches - before
        try expect(launches <= 60, "\(launches) launches for 300 tensors")
        for (group, old) in zip(groups, values) {
            try expect(try group[0].floats() == old.map { $0 * 0.5 }, "a tensor of \(old.count) elements is wrong")
        }
        let beforeNorm = device.statistics.launches
        let norm = try Tensor.norm(of: groups.map { $0[1] }).item()
        let normLaunches = device.statistics.launches - beforeNorm
        try expect(normLaunches <= 15, "\(normLaunches) launches for the norm of 300 tensors")
        let wanted = values.joined().reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        try expect(abs(Double(norm) / wanted - 1) < 1e-6, "their norm is \(norm), not \(wanted)")
    }

    /// Steps that follow each other read what the one before wrote; the gradient stays.
    private static let views = ConformanceCase(.update, procedure: "in place, step after step") { device, _ in
        var groups = [
            [
                try Tensor([Float](repeating: 1, count: 1000), shape: [10, 100]).on(device),
                try Tensor([Float](repeating: 2, count: 1000), shape: [10, 100]).on(device),
            ]
        ]
        let address = ObjectIdentifier(groups[0][0].view(on: device).buffer)
        for step in 1...5 {
            Tensor.update(.input(0) + .scalar(0) * .input(1), scalars: [Float(step)], groups: &groups)
        }
        try expect(try groups[0][0].floats().allSatisfy { $0 == 31 }, "five steps did not add up")
        try expect(try groups[0][1].floats().allSatisfy { $0 == 2 }, "the gradient changed")
        try expect(ObjectIdentifier(groups[0][0].view(on: device).buffer) == address, "the parameter moved to other memory")
    }

    private static let unchanged = ConformanceCase(.update, procedure: "nothing to do") { _, _ in
        var none: [[Tensor]] = []
        Tensor.update(.input(0) - .scalar(0) * .input(1), scalars: [1], groups: &none)
        var empty = [[Tensor.zeros([0, 3]), Tensor.zeros([0, 3])]]
        Tensor.update(.input(0) - .scalar(0) * .input(1), scalars: [1], groups: &empty)
        try expect(try none.isEmpty && empty[0][0].floats().isEmpty, "an empty update made elements")
    }

    private static func split<Element>(_ all: [Element], _ size: Int) -> [[Element]] {
        stride(from: 0, to: all.count, by: size).map { Array(all[$0..<$0 + size]) }
    }
}
