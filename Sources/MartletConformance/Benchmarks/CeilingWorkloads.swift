import MartletCore
import MartletTraining

/// What bounds a device, as cases: the roofs that other cases are held against.
enum CeilingWorkloads {
    /// Multiply-adds on registers; on a device without a probe, the fastest thing that every device has, a large product.
    static func multiplyAdds(_ device: any Device) throws -> Workload {
        if let device = device as? any Device & PeakMeasuring {
            let count = try device.startMultiplyAdds()
            return Workload(operations: count, run: { _ = try device.startMultiplyAdds() }, outputs: { [] })
        }
        let size = 1024, x = BenchmarkInput.floats([size, size], on: device)
        return Workload(operations: 2 * Double(size * size * size), run: { matmul(x, x).evaluated() }, outputs: { [] })
    }

    /// a = b + 3 c: two reads and a write.
    static func triad(_ shape: [Int], _ device: any Device) throws -> Workload {
        let a = Tensor(empty: shape, on: device)
        let b = ComparedInput.floats(shape, stream: 0, on: device), c = ComparedInput.floats(shape, stream: 1, on: device)
        let (x, y, z) = (a.view(on: device), b.view(on: device), c.view(on: device))
        return Workload(
            bytes: Double(a.count) * 12,
            run: {
                if let device = device as? any Device & PeakMeasuring { return try device.startTriad(x, y, z) }
                device.pointwise(.input(0) + .scalar(0) * .input(1), scalars: [3], inputs: [y, z], outputs: [x])
            }, outputs: { [] })
    }

    /// A thousand launches (counted as operations) of a kernel that does nothing, through the driver's bare call.
    static func launches(_ device: any Device) throws -> Workload {
        guard let device = device as? any Device & LaunchMeasuring else {
            throw TrainingError(.input, "case launch: \(device.info.id) launches nothing")
        }
        return Workload(operations: 1000, run: { try device.startLaunches(1000) }, outputs: { [] })
    }
}
