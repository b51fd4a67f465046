import CMartletCPU
import MartletCore

extension CPUDevice: PeakMeasuring {
    package func startMultiplyAdds() throws -> Double {
        let hasManyRegisters = ["x86-64-v4", "aarch64"].contains(String(cString: martlet_instruction_set()))
        let rounds: Int64 = 1 << 20
        pool.run(pool.threads) { _, _ in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { result in
                guard let base = result.baseAddress else { return }
                martlet_multiply_adds(base, rounds, 0.999, 0.001, hasManyRegisters ? 0 : 1)
            }
        }
        return Double(pool.threads) * Double(rounds) * (hasManyRegisters ? 12 : 6) * 16 * 2
    }

    package func startTriad(_ a: View, _ b: View, _ c: View) throws {
        pointwise(.input(0) + .scalar(0) * .input(1), scalars: [3], inputs: [b, c], outputs: [a])
    }
}
