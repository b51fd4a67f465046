import Foundation
import Testing

/// The built program, run as a user runs it.
enum Program {
    /// What a run of it left.
    struct Result {
        let status: Int32
        /// Whether a signal ended it: a trap, as a rule.
        let wasKilled: Bool
        let output: String
        let errors: String

        var outputLines: [Substring] { output.split(separator: "\n") }
        var errorLines: [Substring] { errors.split(separator: "\n") }
        /// Standard output's lines as JSON objects.
        func objects() throws -> [[String: Any]] {
            try outputLines.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "not a JSON object: \($0)")
            }
        }
    }

    /// Beside the test bundle, or in a folder above it.
    static let path: String = {
        let starts =
            [CommandLine.arguments[0], (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""]
            + CommandLine.arguments.filter { $0.hasSuffix(".xctest") }
        for start in starts {
            var folder = URL(fileURLWithPath: start).deletingLastPathComponent()
            while folder.path != "/" {
                let candidate = folder.appendingPathComponent("martlet").path
                var isFolder: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue,
                    FileManager.default.isExecutableFile(atPath: candidate)
                {
                    return candidate
                }
                folder.deleteLastPathComponent()
            }
        }
        preconditionFailure("the program `martlet` is not beside the tests: \(starts)")
    }()

    /// Starts it in a folder. Its output goes to files, which never fill up as pipes do.
    static func start(_ arguments: [String], in folder: String, environment: [String: String] = [:]) throws -> Running {
        try Running([path] + arguments, in: folder, environment: environment)
    }

    /// Runs it to its end.
    static func run(_ arguments: [String], in folder: String, environment: [String: String] = [:]) throws -> Result {
        try start(arguments, in: folder, environment: environment).finish()
    }

    /// Runs a line of shell in which `"$M"` is the program.
    static func shell(_ line: String, in folder: String) throws -> Result {
        try Running(["/bin/sh", "-c", line], in: folder, environment: ["M": path]).finish()
    }

    /// A process under way.
    final class Running {
        let process = Process()
        private let outputPath: String
        private let errorsPath: String

        init(_ command: [String], in folder: String, environment: [String: String]) throws {
            let base = FileManager.default.temporaryDirectory.path + "/martlet-output-\(UUID().uuidString)"
            (outputPath, errorsPath) = (base + ".out", base + ".err")
            for path in [outputPath, errorsPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
            process.executableURL = URL(fileURLWithPath: command[0])
            process.arguments = Array(command.dropFirst())
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle(forWritingAtPath: outputPath)
            process.standardError = FileHandle(forWritingAtPath: errorsPath)
            try process.run()
        }

        /// Waits for its end.
        func finish() -> Result {
            process.waitUntilExit()
            func text(_ path: String) -> String {
                String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            }
            let result = Result(
                status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
                output: text(outputPath), errors: text(errorsPath))
            for path in [outputPath, errorsPath] { try? FileManager.default.removeItem(atPath: path) }
            return result
        }
    }
}

/// A folder that goes when its owner does.
final class Scratch {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/martlet-command-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }

    /// Writes a file, with the folders it needs, and returns its path.
    @discardableResult func write(_ data: Data, to name: String) throws -> String {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
        return url.path
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)) }
    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }
    func copy(_ from: String, to: String) throws {
        try? FileManager.default.removeItem(atPath: path + "/" + to)
        try FileManager.default.copyItem(atPath: path + "/" + from, toPath: path + "/" + to)
    }
    func files(_ name: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path + "/" + name) }
}

/// A small perceptron trained for a few steps, to be looked at and damaged.
func smallRun(in scratch: Scratch, to name: String = "run", _ more: [String] = []) throws {
    let result = try Program.run(
        ["train", "mlp", "--device", "cpu", "--set", "hidden=16", "--steps", "4", "--batch-size", "32", "--out", name] + more,
        in: scratch.path)
    try #require(result.status == 0, "\(result.errors)")
}

/// Expects a refusal: this status, one line that holds all of `words`, and nothing on standard output.
func expectRefusal(
    _ result: Program.Result, _ words: [String], status: Int32 = 64, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(
        !result.wasKilled && result.status == status, "\(what): \(result.status) \(result.errors)", sourceLocation: sourceLocation
    )
    #expect(result.errorLines.count == 1, "\(what): \(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.hasPrefix("martlet: "), "\(what): \(result.errors)", sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, "\(what): \(result.output)", sourceLocation: sourceLocation)
    for word in words {
        #expect(result.errors.contains(word), "\(what): no '\(word)' in \(result.errors)", sourceLocation: sourceLocation)
    }
}
