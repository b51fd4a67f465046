import CMartletOpenCL
import MartletCore

extension OpenCLDevice: PeakMeasuring {
    package func startMultiplyAdds() throws -> Double {
        try lock.withLock {
            let isCPU = deviceClass == .cpuLike
            let chains = isCPU ? min(12, properties.registerVectors * 3 / 4) : 12
            let kernel = try kernel("Peak", "multiply_adds", isCPU ? ["CHAINS": chains] : [:])
            let local = isCPU ? 1 : min(256, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0])
            let items = isCPU ? properties.computeUnits * 4 : properties.computeUnits * 16 * local
            let width = isCPU ? 16 : 4, rounds = isCPU ? 1 << 18 : 1 << 12
            let result = try scratch(byteCount: items * width * 4)
            try launch(
                kernel, global: WorkSize(items), local: WorkSize(local), .tensor(View(result, shape: [items * width])),
                .size(rounds), .float(0.999), .float(0.001))
            return Double(items) * Double(width) * Double(rounds) * Double(chains) * 2
        }
    }

    package func startTriad(_ a: View, _ b: View, _ c: View) throws {
        try lock.withLock {
            let isCPU = deviceClass == .cpuLike
            let kernel = try kernel("Peak", "triad", [:])
            let local = isCPU ? 1 : min(256, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0])
            let chunk = isCPU ? 1 << 16 : 4
            try launch(
                kernel, global: WorkSize(roundUp((a.count + chunk - 1) / chunk, to: local)), local: WorkSize(local),
                .bufferOf(a), .bufferOf(b), .bufferOf(c), .size(a.count), .size(chunk), .float(3))
        }
    }
}

extension OpenCLDevice: LaunchMeasuring {
    package func startLaunches(_ count: Int) throws {
        try lock.withLock {
            let kernel = try kernel("Peak", "nothing", [:])
            let result = try scratch(byteCount: 64)
            try launch(kernel, global: 1, local: 1, .tensor(View(result, shape: [16])))
            try queue.releaseHeld()
            var size = 1
            for _ in 1..<max(count, 1) {
                try check(
                    mclEnqueueNDRangeKernel(queue.handle, kernel.handle, 1, &size, &size, nil), "clEnqueueNDRangeKernel",
                    "nothing")
            }
        }
    }
}
