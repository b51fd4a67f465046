import CMartletCPU
import MartletCore

extension CPUDevice: RandomOps {
    public func random(_ distribution: Distribution, key: RandomKey, into output: View) {
        guard begin(reading: [], writing: [output]) else { return }
        precondition(
            output.type == distribution.resultType && output.isContiguous,
            "CPUDevice.random: \(distribution) into \(output.type) \(output.shape), strides \(output.strides)")
        var draw = martlet_draw(distribution: 0, a: 0, b: 0, seed: key.seed, stream: key.stream)
        switch distribution {
        case .bits: draw.distribution = Int32(martlet_random_bits)
        case .uniform(let low, let high):
            (draw.distribution, draw.a, draw.b) = (Int32(martlet_random_uniform), low, high)
        case .normal(let mean, let deviation):
            (draw.distribution, draw.a, draw.b) = (Int32(martlet_random_normal), mean, deviation)
        case .bernoulli(let probability, let scale):
            (draw.distribution, draw.a, draw.b) = (Int32(martlet_random_bernoulli), probability, scale)
        }
        let (address, streamed) = (output.address, output.isStreamed)
        withUnsafePointer(to: draw) { draw in
            pool.run(over: output.count, grain: 8192, perWorker: 4, alignment: 64) { range, _ in
                martlet_random(draw, Int64(range.lowerBound), Int64(range.upperBound), address + range.lowerBound * 4, streamed)
            }
        }
    }
}
