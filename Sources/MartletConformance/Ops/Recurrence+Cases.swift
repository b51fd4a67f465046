import MartletCore

enum RecurrenceCases {
    static let all = RecurrentCell.allCases.flatMap {
        [sequences($0), wide($0), large($0), notFinite($0), padding($0), pieces($0), saturated($0), traces($0), offset($0)]
    }

    /// The operands of a layer, as the cases order them.
    private struct Layer {
        var cell: RecurrentCell
        var extents: (t: Int, n: Int, inputs: Int, h: Int)
        var isReversed = false, isBiased = true, begins = true, hasLengths = false

        var note: String {
            "\(cell) t \(extents.t), n \(extents.n), \(extents.inputs) to \(extents.h), reversed \(isReversed), biased \(isBiased), "
                + "initial state \(begins), lengths \(hasLengths)"
        }

        /// x, both weights, then both biases, the initial state, the lengths, where there are such.
        func operands(_ random: inout CaseRandom) -> [Operand] {
            let (t, n, inputs, h) = extents, rows = cell.gates * h
            let bound = 1 / Float(h).squareRoot()
            var operands = [
                random.floats([t, n, inputs], -2, 2), random.floats([rows, inputs], -bound, bound),
                random.floats([rows, h], -bound, bound),
            ]
            if isBiased { operands += [random.floats([rows], -0.5, 0.5), random.floats([rows], -0.5, 0.5)] }
            if begins { operands += (0..<states).map { _ in random.floats([n, h], -1, 1) } }
            if hasLengths { operands.append(random.integers([n], 0...t)) }
            return operands
        }

        private var states: Int { cell == .lstm ? 2 : 1 }
        private var firstState: Int { isBiased ? 5 : 3 }
        var floatInputs: [Int] { Array(0..<firstState + (begins ? states : 0)) }

        func run(_ x: [Tensor], isTraced: Bool = false) -> RecurrenceResult {
            recurrence(
                x[0], cell,
                RecurrentWeights(
                    input: x[1], recurrent: x[2], inputBias: isBiased ? x[3] : nil, recurrentBias: isBiased ? x[4] : nil),
                initial: begins
                    ? RecurrentState(hidden: x[firstState], cell: cell == .lstm ? x[firstState + 1] : nil) : nil,
                lengths: hasLengths ? x[x.count - 1] : nil, isReversed: isReversed, isTraced: isTraced)
        }

        func outputs(_ x: [Tensor]) -> [Tensor] {
            let result = run(x)
            return [result.output, result.state.hidden] + (result.state.cell.map { [$0] } ?? [])
        }

        func reference(_ x: [Reference]) -> [Reference] {
            let result = RecurrenceReference(
                cell: cell, isReversed: isReversed, x: x[0], inputWeight: x[1], recurrentWeight: x[2],
                inputBias: isBiased ? x[3] : nil, recurrentBias: isBiased ? x[4] : nil,
                hidden: begins ? x[firstState] : Reference([extents.n, extents.h]),
                memory: begins && cell == .lstm ? x[firstState + 1] : nil,
                lengths: hasLengths ? x[x.count - 1].values.map { Int($0) } : nil
            ).run()
            return [result.output, result.hidden] + (cell == .lstm ? [result.cell] : [])
        }

        func comparison(_ operands: [Operand], samples: Int = 12) -> Comparison {
            Comparison(
                operands, note, within: .balanced.floor(0.1),
                gradients: .differences(of: floatInputs, .permissive.floor(0.1), samples: samples)
            ) {
                outputs($0)
            } reference: {
                reference($0)
            }
        }
    }

    private static let shapes = [(4, 3, 5, 4), (1, 1, 1, 1), (3, 2, 1, 7), (5, 4, 3, 1), (2, 7, 6, 16), (7, 5, 2, 33)]

    /// Every combination of direction, biases, initial state and lengths.
    private static func sequences(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell)", draws: 24) { random, draw in
            let layer = Layer(
                cell: cell, extents: shapes[draw % shapes.count], isReversed: draw % 2 == 1, isBiased: draw / 2 % 3 != 1,
                begins: draw / 3 % 2 == 0, hasLengths: draw / 4 % 2 == 1)
            return layer.comparison(layer.operands(&random))
        }
    }

    /// Units and samples beyond what one tile holds, and not its multiples.
    private static func wide(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell), many units", draws: 7) { random, draw in
            let extents = [
                (4, 33, 9, 70), (5, 5, 3, 130), (2, 17, 4, 64), (4, 40, 8, 96), (3, 13, 2, 68), (3, 11, 2, 35), (2, 6, 3, 132),
            ][draw]
            let layer = Layer(cell: cell, extents: extents, isReversed: draw % 3 == 1, hasLengths: draw == 2 || draw == 4)
            return layer.comparison(layer.operands(&random), samples: 4)
        }
    }

    /// A step with so many products that devices with few compute units do it another way.
    private static func large(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell), many units and samples", draws: 1) { random, _ in
            let layer = Layer(cell: cell, extents: (2, 36, 3, 132), hasLengths: true)
            return layer.comparison(layer.operands(&random), samples: 1)
        }
    }

    /// A sample with NaN or infinities does not touch the others.
    private static func notFinite(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell) with NaN and infinity", draws: 2) { random, draw in
            let layer = Layer(cell: cell, extents: [(3, 4, 5, 6), (4, 18, 3, 37)][draw])
            var operands = layer.operands(&random)
            let each = layer.extents.inputs
            operands[0].set((layer.extents.n + 1) * each, .nan)
            operands[0].set(2 * each, .infinity)
            return Comparison(operands, layer.note, within: .balanced.floor(0.1)) {
                layer.outputs($0)
            } reference: {
                layer.reference($0)
            }
        }
    }

    /// What lies beyond a sample's length counts for nothing, be it NaN, and its gradients are 0.
    private static func padding(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell), NaN beyond the lengths", draws: 2) { random, draw in
            let layer = Layer(cell: cell, extents: (4, 3, 2, 20), isReversed: draw == 1, hasLengths: true)
            var operands = layer.operands(&random)
            operands[operands.count - 1] = Operand([2, 4, 0] as [Int32], [3])
            for step in 0..<4 {
                if step >= 2 { operands[0].set(step * 6 + 1, .nan) }
                operands[0].set(step * 6 + 4, .nan)
            }
            var comparison = layer.comparison(operands)
            // Differences at the NaN themselves would say nothing.
            comparison.gradients = .differences(of: Array(layer.floatInputs.dropFirst()), .permissive.floor(0.1))
            return comparison
        }
    }

    /// A sequence in two pieces, and step by step, gives what it gives in one.
    private static func pieces(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, procedure: "\(cell) in pieces") { device, random in
            let layer = Layer(cell: cell, extents: (6, 3, 5, 40))
            let x = try layer.operands(&random).map { try $0.tensor(on: device) }
            let whole = layer.run(x)
            for size in [4, 1] {
                var state = RecurrentState(hidden: x[5], cell: cell == .lstm ? x[6] : nil), outputs: [Tensor] = []
                for start in stride(from: 0, to: 6, by: size) {
                    var operands = x
                    operands[0] = x[0].sliced(axis: 0, start..<min(start + size, 6))
                    operands[5] = state.hidden
                    if let memory = state.cell { operands[6] = memory }
                    let piece = layer.run(operands)
                    outputs.append(piece.output)
                    state = piece.state.detached
                }
                let tolerance = Tolerance.strict.floor(1)
                for (name, a, b) in [
                    ("output", concatenate(outputs), whole.output), ("state", state.hidden, whole.state.hidden),
                ] {
                    if let wrong = tolerance.mismatch(try a.floats(), try b.floats().map { Double($0) }, shape: b.shape) {
                        throw CaseFailure("\(name) in pieces of \(size): \(wrong)")
                    }
                }
            }
        }
    }

    /// Sums far outside the range in which the gates change.
    private static func saturated(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, "\(cell), saturated gates", draws: 2) { random, _ in
            let layer = Layer(cell: cell, extents: (4, 4, 3, 18))
            var operands = layer.operands(&random)
            operands[3] = random.floats([cell.gates * layer.extents.h], -200, 200)
            return layer.comparison(operands, samples: 4)
        }
    }

    /// A recurrent weight that does not begin at a multiple of a vector gives what one that does gives.
    private static func offset(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, procedure: "\(cell), a weight within another") { device, random in
            let layer = Layer(cell: cell, extents: (4, 10, 3, 20))
            let operands = layer.operands(&random), rows = cell.gates * 20
            func results(offset: Int) throws -> [Tensor] {
                let x = try operands.map { try $0.tensor(on: device) }
                let room = concatenate([try Tensor.zeros([offset]).on(device), x[2].reshaped([rows * 20])])
                let (_, gradients) = valueAndGradient(at: [x[0], room]) { variables in
                    var inputs = x
                    inputs[0] = variables[0]
                    inputs[2] = variables[1].sliced(axis: 0, offset..<offset + rows * 20).reshaped([rows, 20])
                    return layer.run(inputs).output.sum()
                }
                return [gradients[0], gradients[1].sliced(axis: 0, offset..<offset + rows * 20)]
            }
            for (aligned, odd) in zip(try results(offset: 16), try results(offset: 1)) {
                let expected = try aligned.floats().map { Double($0) }
                if let wrong = Tolerance.strict.floor(1).mismatch(try odd.floats(), expected, shape: odd.shape) {
                    throw CaseFailure("at an odd place: \(wrong)")
                }
            }
        }
    }

    /// Gates and cells are those that the outputs follow from, and a gradient leaves them as they are.
    private static func traces(_ cell: RecurrentCell) -> ConformanceCase {
        ConformanceCase(.recurrence, procedure: "\(cell), traced") { device, random in
            let layer = Layer(cell: cell, extents: (3, 2, 4, 5))
            let x = try layer.operands(&random).map { try $0.tensor(on: device) }
            var traced: RecurrenceResult?
            _ = valueAndGradient(at: x) { variables in
                let result = layer.run(variables, isTraced: true)
                traced = result
                return result.output.sum()
            }
            guard let result = traced, let gates = result.gates else { throw CaseFailure("no gates") }
            func gate(_ index: Int) throws -> [Float] { try gates.sliced(axis: 2, index * 5..<index * 5 + 5).floats() }
            let output = try result.output.floats().map { Double($0) }
            let expected: Tensor
            if cell == .lstm {
                guard let cells = result.cells else { throw CaseFailure("no cells") }
                expected = try Tensor(gate(3), shape: [3, 2, 5]).on(device) * cells.tanh()
            } else {
                let before = concatenate([x[5].expanded(axis: 0), result.output.detached.sliced(axis: 0, 0..<2)])
                let z = try Tensor(gate(1), shape: [3, 2, 5]).on(device), c = try Tensor(gate(2), shape: [3, 2, 5]).on(device)
                expected = (1 - z) * c + z * before
            }
            if let wrong = Tolerance.strict.floor(1).mismatch(try expected.floats(), output, shape: [3, 2, 5]) {
                throw CaseFailure("outputs and gates do not belong together: \(wrong)")
            }
        }
    }
}
