import CMartletOpenCL
import Glibc

/// What a child process found out about the drivers.
struct ProbeReport {
    enum Ending: Equatable {
        case done
        case notStarted
        /// As in "its driver crashed (SIGSEGV)".
        case died(String)
    }

    /// Long enough for a driver that compiles its first kernel on a busy machine.
    static let deadlineSeconds: Int32 = 20

    var ending: Ending
    /// `platform.device` of those that computed.
    var computing: Set<String> = []
    var problems: [UnusableDevice] = []
    /// The drivers' libraries, and the files that name them.
    var libraries: [String] = []
    var driverFiles: [String] = []
    /// The device under test when the child ended.
    var lastDevice: (id: String, name: String)?

    init(skip: String, vendors: String?, deadlineSeconds: Int32 = ProbeReport.deadlineSeconds) {
        var text = [CChar](repeating: 0, count: 1 << 18)
        var signal: Int32 = 0
        let result = mclProbe(deadlineSeconds * 1000, skip, vendors, &text, text.count, &signal)
        switch Int(result) {
        case Int(MCL_PROBE_DONE): ending = .done
        case Int(MCL_PROBE_TIMED_OUT): ending = .died("did not answer within \(deadlineSeconds) s")
        case Int(MCL_PROBE_CRASHED): ending = .died(ProbeReport.crash(signal))
        default: ending = .notStarted
        }
        let report = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        read(report, skipped: Set(skip.split(separator: ",").map(String.init)))
    }

    private static func crash(_ signal: Int32) -> String {
        let names = [
            SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE",
            SIGKILL: "SIGKILL",
        ]
        return signal == 0 ? "ended the process" : "crashed (\(names[signal] ?? "signal \(signal)"))"
    }

    private mutating func read(_ report: String, skipped: Set<String>) {
        var platforms: [String: String] = [:]
        var names: [String: String] = [:]
        var platformCount = 0, isListed = false
        for line in report.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            func field(_ index: Int) -> String { index < fields.count ? fields[index] : "" }
            switch fields[0] {
            case "L":
                problems.append(
                    .init(
                        name: "OpenCL", reason: "no OpenCL loader: \(field(1))",
                        remedy: "install one and a driver, for example apt install ocl-icd-libopencl1 pocl-opencl-icd"))
                isListed = true
            case "E":
                let status = Int32(field(1)) ?? 0
                if status == -1001 { break }
                problems.append(
                    .init(
                        name: "OpenCL", reason: "clGetPlatformIDs failed with \(OpenCLError.name(of: status))",
                        remedy: ProbeReport.driverAdvice))
                isListed = true
            case "P":
                platforms[field(1)] = field(2)
                platformCount += 1
            case "N":
                let status = Int32(field(2)) ?? 0, count = Int(field(3)) ?? 0
                if count == 0 {
                    problems.append(ProbeReport.emptyPlatform(platforms[field(1)] ?? "?", status: status))
                }
            case "B":
                names[field(1)] = field(2)
                lastDevice = skipped.contains(field(1)) ? nil : (field(1), field(2))
            case "O":
                computing.insert(field(1))
                lastDevice = nil
            case "F":
                problems.append(
                    ProbeReport.failure(
                        id: field(1), name: names[field(1)] ?? "?", stage: field(2),
                        status: Int32(field(3)) ?? 0, log: field(4)))
                lastDevice = nil
            case "I":
                driverFiles.append(field(1))
                if field(2).isEmpty { break }
                problems.append(
                    .init(
                        name: field(1), reason: "this driver's file \(field(2))",
                        remedy: "install its driver again, or remove the file"))
                isListed = true
            case "M": libraries.append(field(1))
            default: break
            }
        }
        if ending == .done, platformCount == 0, !isListed {
            problems.append(
                .init(
                    name: "OpenCL",
                    reason: driverFiles.isEmpty
                        ? "no OpenCL platform: no driver is installed"
                        : "no OpenCL platform: the drivers of \(driverFiles.joined(separator: ", ")) offer none",
                    remedy: ProbeReport.driverAdvice))
        }
    }

    private static let driverAdvice =
        "install a driver, for example apt install pocl-opencl-icd (CPU), mesa-opencl-icd "
        + "(AMD) or intel-opencl-icd (Intel); OCL_ICD_VENDORS, if set, must name the folder of its .icd file"

    private static func emptyPlatform(_ name: String, status: Int32) -> UnusableDevice {
        var remedy = "check that the device's kernel driver is loaded"
        if name.lowercased().contains("rusticl") {
            remedy = "name the drivers it may use, for example RUSTICL_ENABLE=radeonsi (AMD) or iris (Intel)"
        } else if let node = unreadableRenderNode() {
            remedy = "this user may not open \(node): sudo usermod -aG render,video $USER, then log in again"
        }
        let reason =
            status == CL_SUCCESS || status == CL_DEVICE_NOT_FOUND
            ? "the platform has no device"
            : "clGetDeviceIDs failed with \(OpenCLError.name(of: status))"
        return .init(name: name, reason: reason, remedy: remedy)
    }

    /// A GPU's device file that exists but may not be opened.
    private static func unreadableRenderNode() -> String? {
        let nodes = (128..<136).map { "/dev/dri/renderD\($0)" } + ["/dev/kfd"]
        return nodes.first { access($0, F_OK) == 0 && access($0, R_OK | W_OK) != 0 }
    }

    private static func failure(id: String, name: String, stage: String, status: Int32, log: String) -> UnusableDevice {
        let title = "opencl:\(id) \(name)"
        switch stage {
        case "CL_DEVICE_AVAILABLE":
            return .init(name: title, reason: "the driver says that it is not available", remedy: "update its driver")
        case "CL_DEVICE_COMPILER_AVAILABLE":
            return .init(
                name: title, reason: "its driver has no compiler for kernels",
                remedy: "install the driver's compiler package")
        case "result":
            return .init(name: title, reason: "a small kernel gave wrong numbers", remedy: "update its driver")
        default:
            let reason = "\(stage) failed with \(OpenCLError.name(of: status))" + (log.isEmpty ? "" : ": \(log)")
            return .init(name: title, reason: reason, remedy: "update or reinstall its driver")
        }
    }

    /// Where the loader looks for drivers' files.
    static var driverFolder: String { getenv("OCL_ICD_VENDORS").map { String(cString: $0) } ?? "/etc/OpenCL/vendors" }

    /// The files that name drivers; `OCL_ICD_VENDORS` may itself be one.
    static var driverFilesInUse: [String] {
        let folder = driverFolder
        return folder.hasSuffix(".icd") ? [folder] : icdFiles(in: folder)
    }

    /// Whether PoCL is among the drivers.
    static var hasPoCL: Bool {
        driverFilesInUse.contains { path in
            guard let file = fopen(path, "r") else { return false }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 1024)
            guard fgets(&line, Int32(line.count), file) != nil else { return false }
            return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains("pocl")
        }
    }

    /// Which driver file takes the process down, each tried alone.
    static func brokenDrivers(_ how: String) -> [UnusableDevice] {
        let folder = driverFolder
        var broken: [UnusableDevice] = []
        for file in icdFiles(in: folder) {
            if case .died(let how) = ProbeReport(skip: "", vendors: file, deadlineSeconds: 5).ending {
                broken.append(
                    .init(
                        name: file, reason: "this driver \(how) when it was loaded",
                        remedy: "update or remove it; OCL_ICD_VENDORS can name another driver's .icd file"))
            }
        }
        if broken.isEmpty {
            broken.append(
                .init(
                    name: "OpenCL", reason: "a driver \(how) when it was loaded",
                    remedy: "remove drivers from \(folder) until the others work"))
        }
        return broken
    }

    static func icdFiles(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var files: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".icd") { files.append(folder + "/" + name) }
        }
        return files.sorted()
    }
}
