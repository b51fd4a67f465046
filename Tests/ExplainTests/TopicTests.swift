import Foundation
import Martlet
import MartletExplain
import Testing

/// What each topic claims, by its figures, on every device.
@Suite(.serialized) struct TopicTests {
    @Test(arguments: ExplainDevices.ids) func xorNeedsHiddenUnits(device: String) throws {
        let figures = try explained("mlp", on: device)
        let rows = figures["xor"].list
        #expect(rows.map { $0["hidden"].number } == [0, 1, 2, 3, 4])
        let starts = rows[0]["starts"].number
        // One line gets three of four points right at best, and its loss cannot fall below ln 2; one unit is one line still.
        #expect(rows[0]["solved"].number == 0 && rows[0]["bestAccuracy"].number <= 0.75)
        #expect(abs(rows[0]["bestLoss"].number - log(2)) < 0.01)
        #expect(rows[1]["solved"].number == 0)
        for row in rows[2...] {
            #expect(row["solved"].number >= starts / 4 && row["bestAccuracy"].number == 1 && row["bestLoss"].number < 0.05)
        }
        #expect(rows[4]["solved"].number >= 0.8 * starts && rows[4]["solved"].number >= rows[2]["solved"].number)

        let moons = figures["moons"].list.map { $0["accuracy"].number }
        #expect(moons[0] < 0.93 && moons[3] > 0.98 && moons[3] > moons[0])
        let spirals = figures["spirals"].list.map { $0["accuracy"].number }
        #expect(spirals[0] < 0.85 && spirals[2] > spirals[0] && spirals[5] > spirals[3] && spirals[5] > 0.95)
    }

    @Test(arguments: ExplainDevices.ids) func batchNormReachesTheLossInFewerSteps(device: String) throws {
        let figures = try explained("batchnorm", on: device)
        let with = figures["stepsToLoss", "with"].number, without = figures["stepsToLoss", "without"]
        #expect(with > 0 && with < figures["steps"].number / 4)
        #expect(without.isNull || without.number > 3 * with)
        // Without it, the first layer's gradients are a small part of the last one's.
        let sizes = figures["gradientSize", "without"].numbers, normalized = figures["gradientSize", "with"].numbers
        #expect(sizes.count == 4 && normalized.count == 4)
        #expect(sizes[0] / sizes[3] < 0.1 * normalized[0] / normalized[3])
        let spreads = figures["activationSpread", "without"].numbers, kept = figures["activationSpread", "with"].numbers
        #expect(spreads[2] < 0.3 * kept[2])
        #expect(figures["accuracy", "with"].number > 0.94)
    }

    @Test(arguments: ExplainDevices.ids) func momentumCrossesTheRavineAndLeavesTheHollow(device: String) throws {
        let figures = try explained("optimizers", on: device)
        let sgd = figures["ravine", "optimizers", "SGD"], momentum = figures["ravine", "optimizers", "momentum"]
        #expect(momentum["stepsToLoss"].number < 0.6 * sgd["stepsToLoss"].number)
        // SGD turns back at every step; momentum hardly ever.
        #expect(sgd["reversals"].number > 0.9 * sgd["stepsToLoss"].number)
        #expect(momentum["reversals"].number < 0.25 * momentum["stepsToLoss"].number)
        for name in ["NAG", "Adagrad", "RMSProp", "Adam"] {
            #expect(figures["ravine", "optimizers", name]["stepsToLoss"].number < sgd["stepsToLoss"].number, "\(name)")
        }

        // The two minima of x^4/4 - x^2/2 + 0.15 x.
        let stuck = figures["hollows", "optimizers", "SGD"], gone = figures["hollows", "optimizers", "momentum"]
        #expect(stuck["stepsToLoss"].isNull && abs(stuck["end"].numbers[0] - 0.9142) < 0.01)
        #expect(!gone["stepsToLoss"].isNull && abs(gone["end"].numbers[0] + 1.0679) < 0.01)
        #expect(stuck["learningRate"].number == gone["learningRate"].number)

        #expect(
            figures["saddle", "optimizers", "Adam"]["stepsToLoss"].number
                < figures["saddle", "optimizers", "SGD"]["stepsToLoss"].number)

        // Training ended in a hollow of the plane.
        let surface = figures["surface"]
        #expect(abs(surface["centerLoss"].number - surface["trainedLoss"].number) < 1e-3 + 0.01 * surface["trainedLoss"].number)
        #expect(surface["trainedLoss"].number < 0.2 && surface["highestLoss"].number > 10 * surface["trainedLoss"].number)
        for name in ["SGD", "momentum", "NAG", "Adagrad", "RMSProp", "Adam"] {
            let loss = figures["network", "optimizers", name]["loss"].number
            #expect(loss < 1.5, "\(name): \(loss)")
        }
    }

    @Test(arguments: ExplainDevices.ids) func complexCellsTolerateShifts(device: String) throws {
        let figures = try explained("convolution", on: device)
        let cells = figures["cells"]
        #expect(cells["simpleWidth"].number < 6.5 && cells["complexWidth"].number > cells["simpleWidth"].number + 7)
        // Both keep the orientation.
        #expect(cells["simpleTurnWidth"].number < 75 && cells["complexTurnWidth"].number < 90)
        #expect(figures["changeUnderShift", "complex"].number < 0.6 * figures["changeUnderShift", "simple"].number)
        #expect(figures["orientations"].list.count == 8)
        #expect(figures["learned", "filters"].number == 6)
        #expect(figures["learned", "gaborMatch", "trained"].number > figures["learned", "gaborMatch", "untrained"].number + 0.08)
    }
}
