import MartletCPU
import MartletCore
import MartletOpenCL
import Synchronization

/// The devices of this machine.
public enum Devices {
    /// A device chosen for a request, and what a user should know about the choice.
    public struct Choice {
        public let device: any Device
        /// One line that says which device `auto` took and why; nil where the device was asked for by name.
        public let note: String?
    }

    /// The device that `choose("auto")` takes. It becomes the default of tensors that are not given one.
    public static func best() throws -> any Device { try choose("auto").device }

    /// The device for `auto`, `cpu`, `opencl` or `opencl:PLATFORM[.DEVICE]`. It becomes the default of tensors that are not given one.
    ///
    /// `auto` takes a GPU where there is one that works, else the CPU path. A device asked for by name is there or an error says why not.
    ///
    /// - Parameter threads: of the CPU path; as many as the process may use where nil.
    public static func choose(_ request: String, threads: Int? = nil) throws -> Choice {
        let choice = try find(request, threads: threads)
        DefaultDevice.adopt(choice.device)
        return choice
    }

    /// Every usable device's description, the CPU path first, and the unusable ones.
    public static func list() throws -> (usable: [DeviceInfo], unusable: [UnusableDevice]) {
        let found = OpenCLDevices.discover(again: true)
        return ([try CPUDevice(threads: nil).info] + found.usable.map(\.info), found.unusable)
    }

    private static func find(_ request: String, threads: Int?) throws -> Choice {
        switch request {
        case "cpu":
            return Choice(device: try CPUDevice(threads: threads), note: nil)
        case "auto":
            return try automatic(threads)
        case _ where request == "opencl" || request.hasPrefix("opencl:"):
            return Choice(device: try openCL(request), note: nil)
        default:
            throw DeviceError(
                .unavailable, "--device \(request): there is no such kind; give auto, cpu or opencl[:PLATFORM[.DEVICE]]")
        }
    }

    private static func automatic(_ threads: Int?) throws -> Choice {
        // Where there is known to be no GPU, no driver is loaded.
        if let known = OpenCLDevices.remembered, known.values.allSatisfy({ $0 == .cpu }), let first = known.keys.min() {
            return Choice(
                device: try CPUDevice(threads: threads), note: "using the CPU path: \(onlyProcessor("opencl:" + first))")
        }
        let found = OpenCLDevices.discover()
        var reason = found.unusable.first.map { "\($0.name): \($0.reason)" } ?? "no GPU found"
        for candidate in found.usable where candidate.info.kind != .cpu {
            do {
                let device = try OpenCLDevice(candidate)
                try check(device)
                return Choice(
                    device: device, note: "using \(candidate.info.id), \(candidate.info.name): the first GPU that works")
            } catch {
                reason = "\(candidate.info.name): \(error)"
            }
        }
        if found.unusable.isEmpty, let first = found.usable.first, first.info.kind == .cpu {
            reason = onlyProcessor(first.info.id)
        }
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        return Choice(device: try CPUDevice(threads: threads), note: "using the CPU path: \(line)")
    }

    private static func onlyProcessor(_ id: String) -> String {
        "no GPU found; OpenCL offers only this processor (--device \(id) uses it)"
    }

    private static func openCL(_ request: String) throws -> OpenCLDevice {
        OpenCLDevices.expectFirstUse()
        let found = OpenCLDevices.discover()
        let candidate: OpenCLDevice.Candidate?
        if request == "opencl" {
            candidate = found.usable.first { $0.info.kind != .cpu } ?? found.usable.first
        } else {
            candidate = found.usable.first { $0.info.id == request || $0.info.id == request + ".0" }
        }
        guard let candidate else {
            let others = found.usable.map(\.info.id).joined(separator: ", ")
            let reasons = found.unusable.map { "\($0.name): \($0.reason); \($0.remedy)" }.joined(separator: "; ")
            let known = others.isEmpty ? (reasons.isEmpty ? "no OpenCL device was found" : reasons) : "usable here: \(others)"
            throw DeviceError(.unavailable, "--device \(request): not there; \(known)")
        }
        let device = try OpenCLDevice(candidate)
        try check(device)
        return device
    }

    /// Runs one small dense layer, so that a driver that cannot build our kernels is found out before it is relied on.
    private static func check(_ device: any Device) throws {
        let ones = Tensor([Float](repeating: 1, count: 96), shape: [3, 32]),
            bias = Tensor([Float](repeating: 1, count: 3), shape: [3])
        let result = try withDevice(device) { try linear(ones, ones, bias: bias).floats() }
        if result != [Float](repeating: 33, count: 9) {
            throw DeviceError(.kernel, "\(device.info.name) computes wrongly (\(result) for nine times 33): update its driver")
        }
    }
}
