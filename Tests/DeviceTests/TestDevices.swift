import MartletCPU
import MartletCore
import MartletOpenCL
import Testing

/// A device that the tests run on.
struct TestDevice: Sendable, CustomTestStringConvertible {
    let name: String
    let device: any Device
    /// How many sets of inputs a case gets at most. Kernels with barriers take PoCL long to build.
    var mostDraws: Int?
    var testDescription: String { name }

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

/// Tests that share the devices above, one at a time: some count what a device allocates.
@Suite(.serialized) struct SharedDeviceTests {}
