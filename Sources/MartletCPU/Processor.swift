import CMartletCPU
import Glibc

/// What the processor and the container allow this process.
enum Processor {
    /// The processors this process may use: its affinity mask, and no more than its control group's quota (rounded up).
    static var usableCount: Int {
        let allowed = Int(martlet_processor_count())
        guard let quota = controlGroupQuota else { return allowed }
        return max(1, min(allowed, Int(quota.rounded(.up))))
    }

    /// The name of the processor, as the system gives it.
    static var name: String {
        for line in lines(of: "/proc/cpuinfo") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = trimmed(parts[0])
            if key == "model name" || key == "Model" { return trimmed(parts[1]) }
        }
        return "CPU"
    }

    /// The maker of the processor.
    static var vendor: String {
        for line in lines(of: "/proc/cpuinfo") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, ["vendor_id", "CPU implementer"].contains(trimmed(parts[0])) else { continue }
            switch trimmed(parts[1]) {
            case "AuthenticAMD": return "AMD"
            case "GenuineIntel": return "Intel"
            case "0x41": return "Arm"
            case let other: return other
            }
        }
        return "unknown"
    }

    /// Memory this process may use, in bytes: the machine's, and no more than its control group's limit.
    static var memoryBytes: Int {
        let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        let limits = controlGroupFiles(controller: "memory", unified: "memory.max", legacy: "memory.limit_in_bytes")
            .compactMap { Int($0) }.filter { $0 > 0 }
        return ([machine] + limits).min() ?? machine
    }

    /// Processors' worth of time that the control groups above this process grant it; nil where nothing limits it.
    private static var controlGroupQuota: Double? {
        var quotas: [Double] = controlGroupFiles(controller: "cpu", unified: "cpu.max", legacy: nil).compactMap { text in
            let parts = text.split(separator: " ")
            guard parts.count == 2, let quota = Double(parts[0]), let period = Double(parts[1]), period > 0 else { return nil }
            return quota / period
        }
        let legacy = controlGroupFiles(controller: "cpu", unified: nil, legacy: "cpu.cfs_quota_us")
        let periods = controlGroupFiles(controller: "cpu", unified: nil, legacy: "cpu.cfs_period_us")
        for (quota, period) in zip(legacy, periods) {
            if let quota = Double(quota), let period = Double(period), quota > 0, period > 0 { quotas.append(quota / period) }
        }
        return quotas.min()
    }

    /// The contents of a setting in this process's control group and all groups above it, version 2 and version 1. In a
    /// container only the root may be visible.
    private static func controlGroupFiles(controller: String, unified: String?, legacy: String?) -> [String] {
        var found: [String] = []
        for line in lines(of: "/proc/self/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let root: String, file: String
            if parts[1].isEmpty, let unified {
                (root, file) = ("/sys/fs/cgroup", unified)
            } else if parts[1].split(separator: ",").contains(Substring(controller)), let legacy {
                (root, file) = ("/sys/fs/cgroup/\(controller)", legacy)
            } else {
                continue
            }
            var path = parts[2].split(separator: "/")
            while true {
                let folder = ([root] + path.map(String.init)).joined(separator: "/")
                if let first = lines(of: "\(folder)/\(file)").first { found.append(trimmed(Substring(first))) }
                if path.popLast() == nil { break }
            }
        }
        return found
    }

    private static func lines(of path: String) -> [String] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var lines: [String] = []
        var buffer = [CChar](repeating: 0, count: 4096)
        while lines.count < 4096, fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            lines.append(String(decoding: bytes, as: UTF8.self))
        }
        return lines
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text.drop { $0.isWhitespace })
    }
}
