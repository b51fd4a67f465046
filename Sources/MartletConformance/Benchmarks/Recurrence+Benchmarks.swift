import MartletCore

enum RecurrenceBenchmarks {
    private static let (t, n, h) = (64, 32, 256)

    /// The recurrent half of a layer of 256 units, sequences of 64 steps, batch 32.
    static let all = RecurrentCell.allCases.flatMap { cell in [forward(cell), gradient(cell)] }

    private static func operations(_ cell: RecurrentCell) -> Double { 2 * Double(t * n * cell.gates * h * h) }

    private static func forward(_ cell: RecurrentCell) -> BenchmarkCase {
        BenchmarkCase(
            .recurrence, "\(cell) 64 x 32 x 256", operations: operations(cell),
            floats: cell.gates * h * h + t * n * h * (2 * cell.gates + 2)
        ) { device in
            let (run, _) = passes(cell, device)
            return run
        }
    }

    private static func gradient(_ cell: RecurrentCell) -> BenchmarkCase {
        BenchmarkCase(
            .recurrence, "\(cell) 64 x 32 x 256, gradient", operations: operations(cell),
            floats: cell.gates * h * h + t * n * h * (2 * cell.gates + 3)
        ) { device in
            let (run, back) = passes(cell, device)
            run()
            return back
        }
    }

    private static func passes(_ cell: RecurrentCell, _ device: any Device) -> (forward: () -> Void, backward: () -> Void) {
        func view(_ shape: [Int]) -> View { BenchmarkInput.floats(shape, on: device).view(on: device) }
        let gates = view([t, n, cell.gates * h]), weight = (BenchmarkInput.floats([cell.gates * h, h], on: device) * 0.06)
        let kernel = weight.view(on: device), hidden = view([t + 1, n, h]), above = view([t + 1, n, h])
        let memory = view([cell == .lstm ? t + 1 : t, n, h]), initial = view([n, h]), second = view([n, h])
        let dGates = view([t, n, cell.gates * h]), dMemory = view([t, n, h])
        if cell == .lstm {
            return (
                { device.lstm(gates: gates, weight: kernel, lengths: nil, hidden: hidden, cell: memory, isReversed: false) },
                {
                    device.lstmGradient(
                        dHidden: above, dCell: nil, gates: gates, weight: kernel, lengths: nil, cell: memory, into: dGates,
                        dInitialHidden: initial, dInitialCell: second, isReversed: false)
                }
            )
        }
        return (
            {
                device.gru(
                    gates: gates, weight: kernel, bias: nil, lengths: nil, hidden: hidden, candidate: memory, isReversed: false)
            },
            {
                device.gruGradient(
                    dHidden: above, gates: gates, weight: kernel, lengths: nil, hidden: hidden, candidate: memory, into: dGates,
                    dCandidate: dMemory, dInitialHidden: initial, isReversed: false)
            }
        )
    }
}
