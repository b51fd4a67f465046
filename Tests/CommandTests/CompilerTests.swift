import Foundation
import Testing

/// The processes that compile kernels beside the program.
@Suite struct CompilerTests {
    private let scratch = Scratch()

    /// A program that has kernels to compile; nil where there is nothing to compile them for.
    private func start() throws -> Program.Running? {
        let listed = try Program.run(["devices", "--json"], in: scratch.path)
        guard listed.output.contains("\"opencl:0.0\""), listed.output.contains("Portable Computing Language") else { return nil }
        let cache = scratch.path + "/cache"
        return try Program.start(
            ["verify", "--device", "opencl:0.0", "Update/Adam"], in: scratch.path,
            environment: ["XDG_CACHE_HOME": cache, "POCL_CACHE_DIR": cache + "/pocl", "MARTLET_COMPILERS": "2"])
    }

    /// Those of the program and what it started, found by their environment.
    private func processes() -> [pid_t] {
        let mark = Data("XDG_CACHE_HOME=\(scratch.path)/cache".utf8)
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(pid_t.init).filter {
            FileManager.default.contents(atPath: "/proc/\($0)/environ")?.range(of: mark) != nil
        }
    }

    @Test func theyEndWithTheProgram() throws {
        guard let program = try start() else { return }
        var most = 0
        while program.process.isRunning {
            most = max(most, processes().count)
            usleep(20_000)
        }
        let result = program.finish()
        #expect(result.status == 0, "\(result.errors)")
        #expect(most > 1)
        for _ in 0..<500 where !processes().isEmpty { usleep(20_000) }
        #expect(processes().isEmpty)
    }

    /// Whatever they were killed at, the program does itself.
    @Test func theirEndIsOfNoConsequence() throws {
        guard let program = try start() else { return }
        let own = program.process.processIdentifier
        var killed = 0
        while program.process.isRunning {
            for process in processes() where process != own && kill(process, SIGKILL) == 0 { killed += 1 }
            usleep(20_000)
        }
        let result = program.finish()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("1 passed"), "\(result.output)")
        #expect(killed > 0)
    }
}
