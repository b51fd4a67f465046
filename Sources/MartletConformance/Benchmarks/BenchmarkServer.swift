import Foundation
import MartletCore
import MartletTraining

/// Times cases on request, so that another program can let ours and a peer's runs alternate. `martlet bench --serve` feeds it lines.
///
/// A request is a JSON object in one line, and so is the answer; what cannot be done is answered by `{"error": REASON}`.
///
///     {"do": "about"}                                      what this is: the device, its driver, its threads
///     {"do": "prepare", "id": "a", "case": {...}}          makes the inputs of a `ComparedCase`; gives operations and bytes
///     {"do": "write", "id": "a", "path": "FILE"}           writes the results as float32 in one file; only before timing
///     {"do": "time", "id": "a", "runs": 3, "calls": 10}    gives `ms`, one number a run of so many calls, divided by them;
///                                                          the device is waited for at the end of a run
///     {"do": "release", "id": "a"}                         lets go of the inputs, and of memory kept for reuse
public final class BenchmarkServer {
    private let device: any Device
    private var cases: [String: Workload] = [:]

    public init(_ device: any Device) { self.device = device }

    private struct Request: Decodable {
        enum Action: String, Decodable { case about, prepare, write, time, release }

        var `do`: Action
        var id: String?
        var `case`: ComparedCase?
        var path: String?
        var runs: Int?
        var calls: Int?
    }

    /// The answer to a request.
    public func answer(_ line: String) -> String {
        let answer: JSON
        do {
            let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
            answer = try withDevice(device) { try self.answer(request) }
        } catch {
            let reason = error is DecodingError ? "no request: \(line.prefix(200))" : "\(error)"
            answer = .object([("error", .string(reason))])
        }
        return answer.text
    }

    private func answer(_ request: Request) throws -> JSON {
        switch request.do {
        case .about:
            let info = device.info
            return .object([
                ("device", .string(info.id)), ("name", .string(info.name)), ("version", .string(info.version)),
                ("threads", .integer(info.computeUnits)),
            ])
        case .prepare:
            guard let specification = request.case, let id = request.id else { throw refusal("prepare: give id and case") }
            let workload = try specification.workload(on: device)
            try device.synchronize()
            cases[id] = workload
            return .object([("operations", .number(workload.operations)), ("bytes", .number(workload.bytes))])
        case .write:
            guard let path = request.path else { throw refusal("write: give path") }
            return .object([("counts", .array(try write(try workload(request).outputs(), to: path).map { .integer($0) }))])
        case .time:
            let runs = request.runs ?? 1, calls = request.calls ?? 1
            guard (1...100_000).contains(runs), (1...1_000_000).contains(calls) else {
                throw refusal("time: \(runs) runs of \(calls) calls")
            }
            let run = try workload(request).run
            return .object([("ms", .array(try (0..<runs).map { _ in .number(try milliseconds(calls, run)) }))])
        case .release:
            if let id = request.id { cases[id] = nil }
            device.emptyPool()
            return .object([])
        }
    }

    private func workload(_ request: Request) throws -> Workload {
        guard let id = request.id, let workload = cases[id] else {
            throw refusal("\(request.do.rawValue): nothing is prepared as '\(request.id ?? "")'")
        }
        return workload
    }

    private func milliseconds(_ calls: Int, _ run: () throws -> Void) throws -> Double {
        try device.synchronize()
        let start = ContinuousClock.now
        for _ in 0..<calls { try run() }
        try device.synchronize()
        return (ContinuousClock.now - start) / .milliseconds(1) / Double(calls)
    }

    private func write(_ tensors: [Tensor], to path: String) throws -> [Int] {
        var bytes = Data()
        for tensor in tensors { try tensor.floats().withUnsafeBytes { bytes.append(contentsOf: $0) } }
        try bytes.write(to: URL(fileURLWithPath: path))
        return tensors.map(\.count)
    }

    private func refusal(_ reason: String) -> TrainingError { TrainingError(.input, reason) }
}
