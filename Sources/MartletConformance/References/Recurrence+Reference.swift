import Glibc
import MartletCore

/// One layer of recurrent cells, unit by unit.
struct RecurrenceReference {
    var cell: RecurrentCell
    var isReversed = false
    /// [t, n, inputs].
    var x: Reference
    var inputWeight: Reference
    var recurrentWeight: Reference
    var inputBias: Reference?
    var recurrentBias: Reference?
    var hidden: Reference
    var memory: Reference?
    var lengths: [Int]?

    private var units: Int { recurrentWeight.shape[1] }

    /// The outputs [t, n, h] and the last states [n, h].
    func run() -> (output: Reference, hidden: Reference, cell: Reference) {
        let t = x.shape[0], n = x.shape[1], h = units
        var output = Reference([t, n, h])
        var last = hidden, lastCell = memory ?? Reference([n, h])
        for sample in 0..<n {
            var state = (0..<h).map { last.values[sample * h + $0] }, cells = (0..<h).map { lastCell.values[sample * h + $0] }
            let steps = min(max(lengths?[sample] ?? t, 0), t)
            for position in 0..<steps {
                let step = isReversed ? steps - 1 - position : position
                advance(step, sample, &state, &cells)
                for unit in 0..<h { output.values[(step * n + sample) * h + unit] = state[unit] }
            }
            for unit in 0..<h {
                last.values[sample * h + unit] = state[unit]
                lastCell.values[sample * h + unit] = cells[unit]
            }
        }
        return (output, last, lastCell)
    }

    private func advance(_ step: Int, _ sample: Int, _ state: inout [Double], _ cells: inout [Double]) {
        let h = units, n = x.shape[1], inputs = x.shape[2], before = state
        func sigmoid(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
        func fromInput(_ row: Int) -> Double {
            (0..<inputs).reduce(inputBias?.values[row] ?? 0) {
                $0 + inputWeight.values[row * inputs + $1] * x.values[(step * n + sample) * inputs + $1]
            }
        }
        func fromState(_ row: Int) -> Double {
            (0..<h).reduce(recurrentBias?.values[row] ?? 0) { $0 + recurrentWeight.values[row * h + $1] * before[$1] }
        }
        func sum(_ gate: Int, _ unit: Int) -> Double { fromInput(gate * h + unit) + fromState(gate * h + unit) }
        for unit in 0..<h {
            switch cell {
            case .lstm:
                cells[unit] = sigmoid(sum(1, unit)) * cells[unit] + sigmoid(sum(0, unit)) * tanh(sum(2, unit))
                state[unit] = sigmoid(sum(3, unit)) * tanh(cells[unit])
            case .gru:
                let reset = sigmoid(sum(0, unit)), update = sigmoid(sum(1, unit))
                let candidate = tanh(fromInput(2 * h + unit) + reset * fromState(2 * h + unit))
                state[unit] = (1 - update) * candidate + update * before[unit]
            }
        }
    }
}
