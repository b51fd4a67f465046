import Foundation
import MartletCore

/// Times two sets of parameters of a kernel against each other, in turns, and checks what the second computes.
struct Contest {
    let device: any TunableDevice
    let kernel: String
    let shapeClass: String
    private let runs: [() throws -> Tensor]
    /// What the shipped parameters give, which the conformance suite has found right.
    private let expected: [(shape: [Int], values: [Double])]

    /// The rounds after which a candidate that is clearly slower is given up.
    private static let firstRounds = 2
    private static let clearlySlower = 1.1

    init(_ device: any TunableDevice, kernel: String, shapeClass: String, cases: [TuningCase]) throws {
        self.device = device
        self.kernel = kernel
        self.shapeClass = shapeClass
        runs = try cases.map { try $0.prepare(device) }
        expected = try runs.map {
            let result = try $0()
            return (result.shape, try result.floats().map(Double.init))
        }
    }

    /// Milliseconds that all cases take one after the other with these parameters: the sum of their medians.
    func milliseconds(_ parameters: KernelParameters) throws -> Double {
        device.use(parameters, of: kernel, for: shapeClass, isTrial: false)
        return try runs.reduce(0) { total, run in
            _ = try time(run, repetitions: 1)
            let repetitions = repetitions(for: try time(run, repetitions: 1))
            return try total + median((0..<7).map { _ in try time(run, repetitions: repetitions) }) * 1e3
        }
    }

    /// Why a candidate cannot be used; nil where it gives what the shipped variant gives.
    func flaw(of candidate: KernelParameters) -> String? {
        guard device.use(candidate, of: kernel, for: shapeClass, isTrial: true) else { return "it is not of the space" }
        for (run, expected) in zip(runs, expected) {
            do {
                let result = try run()
                if let what = Tolerance.balanced.mismatch(try result.floats(), expected.values, shape: expected.shape) {
                    return "wrong result: \(what)"
                }
            } catch {
                return "\(error)"
            }
        }
        return nil
    }

    /// The time that a candidate takes, the best's being 1: the geometric mean over the cases of the ratios of medians.
    func ratio(of candidate: KernelParameters, to best: KernelParameters, rounds: Int) throws -> Double {
        defer { device.use(best, of: kernel, for: shapeClass, isTrial: false) }
        let sides = [best, candidate]
        var seconds = runs.map { _ in [[Double](), []] }, repetitions: [Int] = []
        for run in runs {
            device.use(best, of: kernel, for: shapeClass, isTrial: true)
            repetitions.append(self.repetitions(for: try time(run, repetitions: 1)))
        }
        for round in 0..<rounds {
            for index in runs.indices {
                for side in round % 2 == 0 ? [0, 1] : [1, 0] {
                    device.use(sides[side], of: kernel, for: shapeClass, isTrial: true)
                    seconds[index][side].append(try time(runs[index], repetitions: repetitions[index]))
                }
            }
            if round + 1 == Contest.firstRounds, mean(seconds) > Contest.clearlySlower { break }
        }
        return mean(seconds)
    }

    private func mean(_ seconds: [[[Double]]]) -> Double {
        exp(seconds.reduce(0) { $0 + log(median($1[1]) / median($1[0])) } / Double(max(seconds.count, 1)))
    }

    /// So that a timing takes about 2 ms at least.
    private func repetitions(for seconds: Double) -> Int { max(1, min(Int(2e-3 / max(seconds, 1e-7)), 200)) }

    private func time(_ run: () throws -> Tensor, repetitions: Int) throws -> Double {
        try device.synchronize()
        let start = ContinuousClock.now
        for _ in 0..<repetitions { _ = try run() }
        try device.synchronize()
        return (ContinuousClock.now - start) / .seconds(1) / Double(repetitions)
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .infinity : sorted[sorted.count / 2]
    }
}
