import Foundation
import Martlet
import Testing

/// Learning rates over 60 steps of every schedule, as PyTorch has them.
@Suite struct ScheduleGoldenTests {
    @Test func agree() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: GoldenFile.folder + "/schedules.json"))
        let cases = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        #expect(cases.count >= 15)
        for test in cases {
            let name = test["name"] as? String ?? ""
            let rates = try #require(test["rates"] as? [Double])
            let options = Options(test["options"] as? [String: Any] ?? [:])
            var schedule = try #require(
                make(test["schedule"] as? String ?? "", options, base: (test["baseLearningRate"] as? Double) ?? 1))
            let base = schedule.base
            let metrics = test["metrics"] as? [Double] ?? []
            for (step, rate) in rates.enumerated() {
                let actual = base * schedule.schedule.factor(at: step)
                #expect(abs(actual - rate) <= 1e-6 * max(abs(rate), 1e-9), "\(name), step \(step): \(actual), not \(rate)")
                if var plateau = schedule.schedule as? PlateauSchedule, step < metrics.count {
                    plateau.observe(metrics[step])
                    schedule.schedule = plateau
                }
            }
        }
    }

    private func make(_ name: String, _ options: Options, base: Double) -> (schedule: any Schedule, base: Double)? {
        func double(_ key: String) -> Double { Double(String(options.float(key))) ?? 0 }
        switch name {
        case "constant": return (ConstantSchedule(), base)
        case "step": return (StepSchedule(every: options.integer("stepSize"), gamma: double("gamma")), base)
        case "multiStep": return (MultiStepSchedule(milestones: options.integers("milestones"), gamma: double("gamma")), base)
        case "exponential": return (ExponentialSchedule(gamma: double("gamma")), base)
        case "cosine": return (CosineSchedule(steps: options.integer("steps"), minimum: double("minimum") / base), base)
        case "cosineRestarts":
            return (
                CosineRestartsSchedule(
                    first: options.integer("period"), multiplier: options.integer("multiplier"), minimum: double("minimum") / base
                ), base
            )
        case "linearWarmUp": return (WarmUpSchedule(steps: options.integer("steps"), start: double("startFactor")), base)
        case "oneCycle":
            return (
                OneCycleSchedule(
                    steps: options.integer("steps"), risingShare: double("risingShare"), divisor: double("divisor"),
                    finalDivisor: double("finalDivisor"), linear: options.bool("linear")), double("maximum")
            )
        case "reduceOnPlateau":
            return (
                PlateauSchedule(
                    gamma: double("gamma"), patience: options.integer("patience"), threshold: double("threshold"),
                    cooldown: options.integer("cooldown"), minimum: double("minimum") / base,
                    lowerIsBetter: options.string("mode") == "min"), base
            )
        case "inverseSquareRoot":
            return (
                InverseSquareRootSchedule(warmUp: options.integer("warmUpSteps"), width: options.integer("width")),
                double("factor")
            )
        default: return nil
        }
    }
}
