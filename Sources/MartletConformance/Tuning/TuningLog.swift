import Foundation
import MartletCore
import MartletData

/// What a search has found out so far, kept line by line beside the tuned variants, so that one that is killed goes on where it
/// was. Held by one program at a time.
final class TuningLog {
    /// How a candidate did against the best before it.
    enum Outcome: Equatable {
        /// The time it takes, the best's being 1.
        case ratio(Double)
        /// It could not be used, and why.
        case unusable(String)
    }

    let path: String
    private let descriptor: Int32
    private var lines: [String] = []
    private var finished: [String: Tuner.Result] = [:]
    private var outcomes: [String: Outcome] = [:]
    /// How often each candidate was begun without an outcome.
    private var begun: [String: Int] = [:]
    private static let mark = "martlet tuning search 1"

    /// Opens a device's log.
    ///
    /// - Throws: `DataError` where the folder cannot be written to, `DeviceError` where another program tunes this device.
    init(_ device: any TunableDevice) throws {
        guard let folder = device.tuningFolder else {
            throw DataError(
                .unwritable, problem: "there is no home folder to keep kernel variants in", remedy: "set XDG_CACHE_HOME")
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in device.tuningIdentity.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        path = folder + "/" + String(hash, radix: 16) + ".search"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw TuningLog.unwritable(path, errno) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            throw DeviceError(.kernel, "\(device.info.id): another program is tuning it; wait for that one, or stop it")
        }
        do { try read() } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// A candidate by name: a kernel with its source, a class, the best so far and what is tried against it.
    static func key(
        _ kernel: TunableKernel, _ shapeClass: String, best: KernelParameters, candidate: KernelParameters
    ) -> String {
        func text(_ parameters: KernelParameters) -> String {
            parameters.isEmpty
                ? "shipped" : parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        }
        return [kernel.name, shapeClass, kernel.source, text(best), text(candidate)].joined(separator: "\t")
    }

    /// What is known of a candidate. One that twice took the program down is not tried again.
    func outcome(_ key: String) -> Outcome? {
        outcomes[key] ?? (begun[key, default: 0] >= 2 ? .unusable("the program ended while it was tried") : nil)
    }

    func begin(_ key: String) throws { try append("begin\t\(key)") }

    func note(_ key: String, _ outcome: Outcome) throws {
        outcomes[key] = outcome
        switch outcome {
        case .ratio(let ratio): try append("ratio\t\(key)\t\(ratio)")
        case .unusable(let why):
            try append("unusable\t\(key)\t\(why.split(whereSeparator: \.isWhitespace).joined(separator: " "))")
        }
    }

    /// What an earlier search for a class of shapes came to, where the whole search it belonged to was ended before its time.
    func result(_ kernel: TunableKernel, _ shapeClass: String) -> Tuner.Result? {
        finished[TuningLog.name(kernel, shapeClass)]
    }

    func note(_ result: Tuner.Result, _ kernel: TunableKernel) throws {
        let key = TuningLog.key(kernel, result.shapeClass, best: result.parameters, candidate: [:])
        try append("done\t\(key)\t\(result.before)\t\(result.after)\t\(result.tried)")
    }

    /// Forgets all of some classes: the search came to its end.
    func forget(_ work: [(kernel: TunableKernel, shapeClass: TunableKernel.ShapeClass)]) throws {
        let names = Set(work.map { TuningLog.name($0.kernel, $0.shapeClass.name) })
        let kept = lines.filter { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            return fields.count < 4 || !names.contains(fields[1...3].joined(separator: "\t"))
        }
        lines = []
        guard ftruncate(descriptor, 0) == 0 else { throw TuningLog.unwritable(path, errno) }
        for line in kept { try append(line) }
    }

    private static func name(_ kernel: TunableKernel, _ shapeClass: String) -> String {
        [kernel.name, shapeClass, kernel.source].joined(separator: "\t")
    }

    private static func parameters(_ text: String) -> KernelParameters? {
        if text == "shipped" { return [:] }
        var parameters: KernelParameters = [:]
        for field in text.split(separator: " ") {
            let pair = field.split(separator: "=")
            guard pair.count == 2, let value = Int(pair[1]) else { return nil }
            parameters[String(pair[0])] = value
        }
        return parameters
    }

    private func read() throws {
        let size = max(Int(lseek(descriptor, 0, SEEK_END)), 0)
        var bytes = [UInt8](repeating: 0, count: size)
        let got = size <= 1 << 24 ? pread(descriptor, &bytes, size, 0) : 0
        lines = String(decoding: bytes.prefix(max(got, 0)), as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.first == TuningLog.mark else {
            // Empty, damaged or another program's.
            lines = []
            ftruncate(descriptor, 0)
            return try append(TuningLog.mark)
        }
        // The last line may have been cut short.
        if bytes.last != UInt8(ascii: "\n") { try append("") }
        for line in lines.dropFirst() {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 6 else { continue }
            let key = fields[1...5].joined(separator: "\t")
            switch fields[0] {
            case "begin": begun[key, default: 0] += 1
            case "ratio" where fields.count == 7:
                if let ratio = Double(fields[6]), ratio > 0, ratio.isFinite { outcomes[key] = .ratio(ratio) }
            case "unusable" where fields.count == 7: outcomes[key] = .unusable(fields[6])
            case "done" where fields.count == 9:
                guard let parameters = TuningLog.parameters(fields[4]), let before = Double(fields[6]),
                    let after = Double(fields[7]), let tried = Int(fields[8])
                else { break }
                finished[fields[1...3].joined(separator: "\t")] = Tuner.Result(
                    kernel: fields[1], shapeClass: fields[2], before: before, after: after, parameters: parameters, tried: tried,
                    passedOver: [])
            default: break
            }
        }
    }

    private func append(_ line: String) throws {
        lines.append(line)
        let bytes = Array((line + "\n").utf8)
        if write(descriptor, bytes, bytes.count) != bytes.count { throw TuningLog.unwritable(path, errno) }
    }

    private static func unwritable(_ path: String, _ code: Int32) -> DataError {
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(code)
        return DataError(
            isFull ? .diskFull : .unwritable, file: path,
            problem: "cannot be written, so nothing found would be kept (\(String(cString: strerror(code)).lowercased()))",
            remedy: isFull ? "make room, or give another folder by XDG_CACHE_HOME" : "give another folder by XDG_CACHE_HOME")
    }
}
