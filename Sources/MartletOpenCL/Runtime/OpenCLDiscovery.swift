import CMartletOpenCL
import Glibc
import MartletCore

/// A device or driver that is there but cannot be used, and what to do about it.
public struct UnusableDevice: Sendable, Hashable {
    /// The device, platform, driver file, or `OpenCL` itself.
    public var name: String
    public var reason: String
    public var remedy: String

    public init(name: String, reason: String, remedy: String) {
        self.name = name
        self.reason = reason
        self.remedy = remedy
    }
}

extension OpenCLDevice {
    /// A device that computed a small kernel correctly in a child process, not yet opened.
    public struct Candidate: @unchecked Sendable {
        public let info: DeviceInfo
        public let properties: OpenCLProperties
        let platform: cl_platform_id
        let device: cl_device_id
        let number: DeviceNumber
    }
}

/// The OpenCL devices of this machine.
public enum OpenCLDevices {
    /// Looks at all platforms and devices, once: later calls return the same. Drivers are loaded in a child process
    /// first, so that one that crashes or hangs is reported and cannot take the program along; not again where an earlier
    /// program found nothing wrong, no crash followed and no driver has changed since.
    ///
    /// - Parameter again: loads the drivers in a child process whatever was found before.
    public static func discover(again: Bool = false) -> (usable: [OpenCLDevice.Candidate], unusable: [UnusableDevice]) {
        again ? foundAgain : found
    }

    /// Lets the compilers of kernels get ready where OpenCL was not used before, and so none is kept. Called before `discover`, where an
    /// OpenCL device is going to be used.
    public static func expectFirstUse() {
        // Among others PoCL may not be the one that is wanted.
        if ProbeReport.driverFilesInUse.count == 1, ProbeMemory.current == nil { KernelCompilers.shared?.warm() }
    }

    /// The kinds of the devices that computed when the drivers, which have not changed since, were last looked at; nil where
    /// that is not known. Loads no driver.
    public static var remembered: [String: DeviceInfo.Kind]? { ProbeMemory.current?.devices }

    private static let found = search(again: false)
    private static let foundAgain = search(again: true)

    private static func search(again: Bool) -> (usable: [OpenCLDevice.Candidate], unusable: [UnusableDevice]) {
        _ = KernelCompilers.shared
        if !again, let memory = ProbeMemory.current, ProbeMemory.take() {
            return enumerate(Set(memory.devices.keys), [])
        }
        var unusable: [UnusableDevice] = []
        let report = probe(&unusable)
        let found = enumerate(report?.computing ?? [], unusable)
        if let report, unusable.isEmpty, found.unusable.isEmpty {
            let kinds = found.usable.map { (String($0.info.id.dropFirst("opencl:".count)), $0.info.kind) }
            ProbeMemory.store(Dictionary(uniqueKeysWithValues: kinds), report)
        }
        return found
    }

    /// The devices that computed, as this process sees them.
    private static func enumerate(
        _ computing: Set<String>, _ known: [UnusableDevice]
    ) -> (usable: [OpenCLDevice.Candidate], unusable: [UnusableDevice]) {
        var unusable = known
        guard !computing.isEmpty, mclLoad() == 0 else { return ([], unusable) }
        var usable: [OpenCLDevice.Candidate] = []
        var platformCount: cl_uint = 0
        guard mclGetPlatformIDs(0, nil, &platformCount) == CL_SUCCESS, platformCount > 0 else { return ([], unusable) }
        var platforms = [cl_platform_id?](repeating: nil, count: Int(platformCount))
        guard mclGetPlatformIDs(platformCount, &platforms, nil) == CL_SUCCESS else { return ([], unusable) }
        for (platformIndex, platform) in platforms.enumerated() {
            guard let platform else { continue }
            var count: cl_uint = 0
            guard mclGetDeviceIDs(platform, cl_ulong(CL_DEVICE_TYPE_ALL), 0, nil, &count) == CL_SUCCESS, count > 0 else {
                continue
            }
            var devices = [cl_device_id?](repeating: nil, count: Int(count))
            guard mclGetDeviceIDs(platform, cl_ulong(CL_DEVICE_TYPE_ALL), count, &devices, nil) == CL_SUCCESS else { continue }
            for (index, device) in devices.enumerated() where computing.contains("\(platformIndex).\(index)") {
                guard let device else { continue }
                let id = "opencl:\(platformIndex).\(index)"
                do {
                    let p = try OpenCLProperties(platform: platform, device: device)
                    let info = DeviceInfo(
                        id: id, kind: p.kind, name: p.name, vendor: p.vendor,
                        version: "\(p.platformName) \(p.driverVersion)", computeUnits: p.computeUnits,
                        memoryBytes: p.memoryBytes)
                    usable.append(
                        .init(
                            info: info, properties: p, platform: platform, device: device,
                            number: DeviceNumber(platform: platformIndex, device: index)))
                } catch {
                    unusable.append(.init(name: id, reason: "\(error)", remedy: "update or reinstall its driver"))
                }
            }
        }
        return (usable, unusable)
    }

    /// What a child process found out; nil where none came to its end. A device that takes the child down is left out and the
    /// rest is tried again.
    private static func probe(_ unusable: inout [UnusableDevice]) -> ProbeReport? {
        var skipped: [String] = []
        while true {
            let report = ProbeReport(skip: skipped.joined(separator: ","), vendors: nil)
            switch report.ending {
            case .done:
                unusable += report.problems
                return report
            case .notStarted:
                unusable.append(
                    .init(
                        name: "OpenCL", reason: "no process could be started to try its drivers",
                        remedy: "raise the limit on processes (ulimit -u) or free memory"))
                return nil
            case .died(let how):
                if let culprit = report.lastDevice, !skipped.contains(culprit.id), skipped.count < 64 {
                    skipped.append(culprit.id)
                    unusable.append(
                        .init(
                            name: "opencl:\(culprit.id) \(culprit.name)",
                            reason: "its driver \(how) when a small kernel was run",
                            remedy: "update or remove this driver"))
                } else {
                    unusable += ProbeReport.brokenDrivers(how)
                    return nil
                }
            }
        }
    }
}
