import Foundation
import MartletCore
import MartletOpenCL
import Testing

/// Launches that are held for a moment before the driver gets them.
@Suite struct QueueTests {
    private static func devices() throws -> [OpenCLDevice] { try OpenCLDevices.discover().usable.map { try OpenCLDevice($0) } }

    /// A number through many small steps.
    private static func chain(from start: Float, steps: Int, on device: any Device) throws -> Float {
        try withDevice(device) {
            var x = Tensor([start], shape: [1]).evaluated()
            for _ in 0..<steps { x = (x * 0.5 + 1).evaluated() }
            return try x.item()
        }
    }

    private static func expected(from start: Float, steps: Int) -> Float { (0..<steps).reduce(start) { x, _ in x * 0.5 + 1 } }

    @Test func threadsShareADevice() throws {
        for device in try Self.devices() {
            let results = Results()
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                let result = Result { try (0..<25).map { try Self.chain(from: Float(thread + $0), steps: 3 + $0, on: device) } }
                results.set(result, of: thread)
            }
            for thread in 0..<4 {
                let expected = (0..<25).map { Self.expected(from: Float(thread + $0), steps: 3 + $0) }
                #expect(try results.of(thread) == expected)
            }
        }
    }

    @Test func memoryGivenBackIsNotThatOfHeldLaunches() throws {
        for device in try Self.devices() {
            try withDevice(device) { () throws in
                for round in 0..<4 {
                    var x = Tensor([Float(round)], shape: [1]).evaluated()
                    for _ in 0..<3 + 2 * round { x = (x * 0.5 + 1).evaluated() }
                    device.emptyPool()
                    let others = (0..<4).map { _ in Tensor([Float(7)], shape: [1]).evaluated() }
                    #expect(try x.item() == Self.expected(from: Float(round), steps: 3 + 2 * round))
                    for other in others { #expect(try other.item() == 7) }
                }
            }
        }
    }

    /// Whose results a launch would have made is not known any more when it fails: so the device tells, at the next value and from
    /// then on.
    @Test func aHeldLaunchThatFailsIsToldByTheDevice() throws {
        for device in try Self.devices() where device.deviceClass == .cpuLike {
            try withDevice(device) { () throws in
                let x = Tensor([Float](repeating: 1, count: 64), shape: [64]).evaluated()
                let kernel = try device.kernel("Matmul", "matmulPack", ["PANEL": 8]), view = x.view(on: device)
                // The step is a `ulong`.
                try device.launch(
                    kernel, global: 1, local: 1, .tensor(view), .int(8), .size(0), .bufferOf(view), .size(8), .size(8), .size(8),
                    .size(1))
                let after = (x + 1).evaluated()
                for _ in 0..<2 {
                    let error = #expect(throws: DeviceError.self) { try after.floats() }
                    #expect(error?.kind == .lost, "\(String(describing: error))")
                    let text = error?.description ?? ""
                    #expect(text.contains("matmulPack"), "\(text)")
                }
            }
        }
    }
}

/// What threads found out.
private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Int: Result<[Float], any Error>] = [:]

    func set(_ result: Result<[Float], any Error>, of thread: Int) { lock.withLock { results[thread] = result } }
    func of(_ thread: Int) throws -> [Float] { try lock.withLock { try results[thread]?.get() ?? [] } }
}
