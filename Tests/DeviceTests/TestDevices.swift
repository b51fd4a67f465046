import MartletCPU
import MartletCore
import MartletOpenCL
import Synchronization
import Testing

/// A device that the tests run on.
struct TestDevice: Sendable, CustomTestStringConvertible {
    let name: String
    let device: any Device
    /// How many sets of inputs a case gets at most. Kernels with barriers take PoCL long to build.
    var mostDraws: Int?
    private let gate = Gate()
    var testDescription: String { name }

    init(name: String, device: any Device, mostDraws: Int? = nil) {
        (self.name, self.device, self.mostDraws) = (name, device, mostDraws)
    }

    /// Does something while no other test uses the device: some count what it allocates. Devices compile their kernels side by side.
    func alone<Result>(_ body: (any Device) throws -> Result) async rethrows -> Result {
        await gate.enter()
        defer { gate.leave() }
        return try body(device)
    }

    /// The CPU path with all threads, and with one and no matrix unit; each OpenCL device, and each with the kernels written for the
    /// other class of devices.
    static let all: [TestDevice] = {
        do {
            var devices = [
                TestDevice(name: "cpu", device: try CPUDevice()),
                TestDevice(name: "cpu, 1 thread, no matrix unit", device: try CPUDevice(threads: 1, matrixUnit: false)),
            ]
            for candidate in OpenCLDevices.discover().usable {
                let device = try OpenCLDevice(candidate)
                devices.append(TestDevice(name: device.info.id, device: device))
                for other in DeviceClass.allCases where other != device.deviceClass {
                    let forced = try OpenCLDevice(candidate, deviceClass: other)
                    devices.append(
                        TestDevice(name: "\(device.info.id) with kernels for a \(other.rawValue)", device: forced, mostDraws: 4))
                }
            }
            return devices
        } catch {
            Issue.record("a device that was found could not be opened: \(error)")
            return []
        }
    }()
}

/// Lets one in at a time, in the order in which they came; the others hold up no thread.
private final class Gate: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock {
                let wasTaken = $0.isTaken
                $0.isTaken = true
                if wasTaken { $0.waiting.append(continuation) }
                return !wasTaken
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        state.withLock {
            if $0.waiting.isEmpty { $0.isTaken = false } else { $0.waiting.removeFirst().resume() }
        }
    }
}
