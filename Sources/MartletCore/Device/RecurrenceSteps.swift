/// A recurrent layer step by step as a product and one pointwise pass each, for devices or sequences that have nothing better.
extension RecurrenceOps where Self: MemoryOps & PointwiseOps & MatmulOps {
    package func lstmBySteps(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        let sequence = RecurrentSequence(gates: gates, gateCount: 4, isReversed: isReversed)
        let expression = RecurrentSteps.lstm(masked: lengths != nil)
        for step in sequence.forward {
            let from = sequence.before(step), to = sequence.after(step)
            addProduct(hidden.row(from), weight.transposedMatrix, to: gates.row(step))
            let parts = gates.row(step).split(4)
            var inputs = parts + [cell.row(from)]
            if let lengths { inputs += [sequence.spread(lengths), hidden.row(from)] }
            pointwise(
                expression, scalars: [Float(step)], inputs: inputs, outputs: parts + [cell.row(to), hidden.row(to)])
        }
    }

    package func lstmGradientBySteps(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool
    ) {
        let sequence = RecurrentSequence(gates: gates, gateCount: 4, isReversed: isReversed)
        let expression = RecurrentSteps.lstmGradient(masked: lengths != nil, cell: dCell != nil)
        fill(dInitialHidden)
        fill(dInitialCell)
        for step in sequence.backward {
            let from = sequence.before(step), to = sequence.after(step)
            let parts = dGates.row(step).split(4)
            var inputs =
                gates.row(step).split(4) + [cell.row(to), cell.row(from), dInitialHidden, dInitialCell, dHidden.row(to)]
            if let dCell { inputs.append(dCell.row(to)) }
            if let lengths { inputs.append(sequence.spread(lengths)) }
            pointwise(
                expression, scalars: [Float(step)], inputs: inputs, outputs: parts + [dInitialCell, dInitialHidden])
            addProduct(dGates.row(step), weight.matrix, to: dInitialHidden)
        }
        add(dHidden.row(sequence.initial), to: dInitialHidden)
        if let dCell { add(dCell.row(sequence.initial), to: dInitialCell) }
    }

    package func gruBySteps(
        gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool
    ) {
        let sequence = RecurrentSequence(gates: gates, gateCount: 3, isReversed: isReversed)
        let expression = RecurrentSteps.gru(biased: bias != nil, masked: lengths != nil)
        let h = sequence.h, switches = weight.rows(0..<2 * h), content = weight.rows(2 * h..<3 * h)
        for step in sequence.forward {
            let from = sequence.before(step), to = sequence.after(step)
            let parts = gates.row(step).split(3)
            // The gates' first two thirds are no matrix of their own: their product is kept apart until the cells' pass.
            let apart = View(allocate(byteCount: sequence.n * 2 * h * 4), shape: [sequence.n, 2 * h])
            multiply(hidden.row(from), switches.transposedMatrix, into: apart)
            multiply(hidden.row(from), content.transposedMatrix, into: candidate.row(step))
            var inputs = parts + apart.split(2) + [candidate.row(step), hidden.row(from)]
            if let bias { inputs.append(sequence.repeated(bias)) }
            if let lengths { inputs.append(sequence.spread(lengths)) }
            pointwise(
                expression, scalars: [Float(step)], inputs: inputs, outputs: parts + [candidate.row(step), hidden.row(to)])
        }
    }

    package func gruGradientBySteps(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool
    ) {
        let sequence = RecurrentSequence(gates: gates, gateCount: 3, isReversed: isReversed)
        let expression = RecurrentSteps.gruGradient(masked: lengths != nil)
        let h = sequence.h, switches = weight.rows(0..<2 * h), content = weight.rows(2 * h..<3 * h)
        fill(dInitialHidden)
        for step in sequence.backward {
            let from = sequence.before(step), to = sequence.after(step)
            let parts = dGates.row(step).split(3)
            var inputs =
                gates.row(step).split(3) + [candidate.row(step), hidden.row(from), dInitialHidden, dHidden.row(to)]
            if let lengths { inputs.append(sequence.spread(lengths)) }
            pointwise(
                expression, scalars: [Float(step)], inputs: inputs,
                outputs: parts + [dCandidate.row(step), dInitialHidden])
            addProduct(dGates.row(step).columns(0..<2 * h), switches.matrix, to: dInitialHidden)
            addProduct(dCandidate.row(step), content.matrix, to: dInitialHidden)
        }
        add(dHidden.row(sequence.initial), to: dInitialHidden)
    }

    private func multiply(_ a: View, _ b: View, into c: View) {
        matmul(a.matrix, b, into: c.matrix, epilogue: nil)
    }

    /// c += a * b.
    private func addProduct(_ a: View, _ b: View, to c: View) {
        matmul(a.matrix, b, into: c.matrix, epilogue: Epilogue(.input(0) + .input(1), operands: [c.matrix]))
    }

    private func add(_ a: View, to b: View) {
        pointwise(.input(0) + .input(1), scalars: [], inputs: [b, a], outputs: [b])
    }

    private func fill(_ a: View) { pointwise(0, scalars: [], inputs: [], outputs: [a]) }
}

/// The steps of a sequence and the rows of its states, whichever way it is read.
package struct RecurrentSequence {
    package let t: Int, n: Int, h: Int
    package let isReversed: Bool

    package init(gates: View, gateCount: Int, isReversed: Bool) {
        (t, n, h) = (gates.shape[0], gates.shape[1], gates.shape[2] / gateCount)
        self.isReversed = isReversed
    }

    /// The steps in the order in which the states are computed.
    package var forward: [Int] { isReversed ? Array((0..<t).reversed()) : Array(0..<t) }
    package var backward: [Int] { forward.reversed() }
    /// The row of the states that a step begins with.
    package func before(_ step: Int) -> Int { isReversed ? step + 1 : step }
    /// The row of the states that a step writes.
    package func after(_ step: Int) -> Int { isReversed ? step : step + 1 }
    /// The row of the initial state.
    package var initial: Int { isReversed ? t : 0 }

    /// A number a sample, repeated over the units.
    func spread(_ lengths: View) -> View {
        View(lengths.buffer, lengths.type, offset: lengths.offset, shape: [n, h], strides: [1, 0])
    }

    /// A number a unit, repeated over the samples.
    func repeated(_ bias: View) -> View {
        View(bias.buffer, bias.type, offset: bias.offset, shape: [n, h], strides: [0, 1])
    }
}

extension View {
    /// One index of the outermost axis.
    package func row(_ index: Int) -> View {
        View(
            buffer, type, offset: offset + index * strides[0], shape: Array(shape.dropFirst()),
            strides: Array(strides.dropFirst()))
    }

    /// Some rows of a matrix.
    package func rows(_ range: Range<Int>) -> View {
        View(buffer, type, offset: offset + range.lowerBound * strides[0], shape: [range.count, shape[1]], strides: strides)
    }

    /// Some columns of a matrix.
    package func columns(_ range: Range<Int>) -> View {
        View(buffer, type, offset: offset + range.lowerBound * strides[1], shape: [shape[0], range.count], strides: strides)
    }

    /// The columns of a matrix in equal blocks.
    fileprivate func split(_ count: Int) -> [View] {
        let each = shape[1] / count
        return (0..<count).map { columns($0 * each..<($0 + 1) * each) }
    }

    /// A matrix as a batch of one.
    fileprivate var matrix: View { batchOfOne(shape, strides) }

    fileprivate var transposedMatrix: View { batchOfOne(shape.reversed(), strides.reversed()) }

    /// Axes of extent 1 get the stride that a packed matrix would have.
    private func batchOfOne(_ shape: [Int], _ strides: [Int]) -> View {
        var (row, column) = (strides[0], strides[1])
        if shape[1] == 1 { column = row == 1 ? shape[0] : 1 }
        if shape[0] == 1 { row = column == 1 ? shape[1] : 1 }
        return View(buffer, type, offset: offset, shape: [1] + shape, strides: [shape[0] * shape[1], row, column])
    }
}
