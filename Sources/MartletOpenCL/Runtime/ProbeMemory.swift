import CMartletOpenCL
import Glibc
import MartletCore

/// The outcome of a probe in which nothing was wrong, kept so that the next start need not load every driver twice. It is
/// trusted only while all that it rests on is as it was: the drivers' files and libraries (path, size, time of change), the
/// environment that steers drivers, the kernel, the graphics devices' nodes.
///
/// A crash forgets it: the file is moved aside before drivers are loaded, and back once a device works. A program that is
/// killed in between leaves none, and the next one probes again.
struct ProbeMemory {
    /// `platform.device` of the devices that computed, and what they are.
    let devices: [String: DeviceInfo.Kind]

    private static var folder: CacheFolder? { CacheFolder.user?.folder("opencl") }
    private static let mark = "martlet probe 1"

    /// What is remembered; nil where there is nothing, or something has changed.
    static let current: ProbeMemory? = {
        guard let bytes = folder?.read(fileName, limit: 1 << 18) else { return nil }
        return ProbeMemory(String(decoding: bytes, as: UTF8.self))
    }()

    /// Moves the memory aside; false where that cannot be done, and the drivers must be probed.
    static func take() -> Bool { folder?.move(fileName, to: fileName + ".opening") ?? false }

    /// Moves it back: the drivers were loaded and a device works.
    static func putBack() { _ = folder?.move(fileName + ".opening", to: fileName) }

    /// Keeps the outcome of a probe.
    static func store(_ devices: [String: DeviceInfo.Kind], _ report: ProbeReport) {
        guard report.problems.isEmpty, !devices.isEmpty else { return }
        let files = report.libraries.sorted().map { "file \(stamp($0)) \($0)" }
        let found = devices.sorted { $0.key < $1.key }.map { "device \($0.key) \($0.value.rawValue)" }
        let text = ([mark] + driverFileLines + files + found).joined(separator: "\n")
        folder?.write(Array("\(text)\nend \(hash(text))\n".utf8), to: fileName)
    }

    private init?(_ text: String) {
        var lines = text.split(separator: "\n").map(String.init)
        guard let end = lines.popLast(), end == "end \(ProbeMemory.hash(lines.joined(separator: "\n")))",
            lines.first == ProbeMemory.mark
        else { return nil }
        guard lines.filter({ $0.hasPrefix("icd ") }) == ProbeMemory.driverFileLines else { return nil }
        var devices: [String: DeviceInfo.Kind] = [:]
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 3).map(String.init)
            if fields[0] == "file" {
                guard fields.count == 4, ProbeMemory.stamp(fields[3]) == "\(fields[1]) \(fields[2])" else { return nil }
            } else if fields[0] == "device", fields.count == 3 {
                devices[fields[1]] = DeviceInfo.Kind(rawValue: fields[2])
            }
        }
        guard !devices.isEmpty else { return nil }
        self.devices = devices
    }

    /// The file is named by what it depends on outside of files, so that two environments do not push each other out.
    private static let fileName: String = {
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system) { Array($0) }
        let nodes = names(in: "/dev/dri") + names(in: "/dev").filter { $0.hasPrefix("nvidia") || $0 == "kfd" }
        let text = (steeringVariables + nodes).joined(separator: "\n")
        return "probe-" + String(BinaryCache.hash(kernel + Array(text.utf8), seed: 0xcbf2_9ce4_8422_2325), radix: 16)
    }()

    /// Variables of the loaders and drivers in use.
    private static var steeringVariables: [String] {
        let prefixes = [
            "OCL_", "OPENCL_", "POCL_", "RUSTICL_", "MESA_", "CUDA_", "NVIDIA_", "LD_", "HSA_", "ROCR_", "HIP_", "GPU_", "ZE_",
            "NEO", "IGC_", "CL_",
        ]
        var found: [String] = [], entry = environ
        while let text = entry.pointee {
            let variable = String(cString: text)
            // This one may be our own.
            if prefixes.contains(where: variable.hasPrefix), !variable.hasPrefix("POCL_AFFINITY=") { found.append(variable) }
            entry += 1
        }
        return found.sorted()
    }

    private static var driverFileLines: [String] {
        let folder = ProbeReport.driverFolder
        return ["icd \(stamp(folder)) \(folder)"] + ProbeReport.icdFiles(in: folder).map { "icd \(stamp($0)) \($0)" }
    }

    /// A file's size and time of change.
    private static func stamp(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "none 0" }
        return "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    private static func hash(_ text: String) -> String {
        String(BinaryCache.hash(Array(text.utf8), seed: 0xcbf2_9ce4_8422_2325), radix: 16)
    }
}
