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

    /// The processes that the program started in a session of their own: those that compile, and the one that they come from. Their
    /// environment tells whose they are.
    private func compilers(of program: pid_t) -> [pid_t] {
        let mark = Data("XDG_CACHE_HOME=\(scratch.path)/cache".utf8)
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(pid_t.init).filter {
            guard $0 != program, FileManager.default.contents(atPath: "/proc/\($0)/environ")?.range(of: mark) != nil,
                let file = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
            else { return false }
            let session = getsid($0)
            return session >= 0 && session != getsid(0) && file == Self.file
        }
    }

    private static let file = URL(fileURLWithPath: Program.path).resolvingSymlinksInPath().path

    @Test func theyEndWithTheProgram() throws {
        guard let program = try start() else { return }
        let own = program.process.processIdentifier
        var most = 0
        while program.process.isRunning {
            most = max(most, compilers(of: own).count)
            usleep(20_000)
        }
        let result = program.finish()
        #expect(result.status == 0, "\(result.errors)")
        #expect(most >= 2)
        for _ in 0..<500 where !compilers(of: own).isEmpty { usleep(20_000) }
        #expect(compilers(of: own).isEmpty)
    }

    /// Whatever they were killed at, the program does itself.
    @Test func theirEndIsOfNoConsequence() throws {
        guard let program = try start() else { return }
        let own = program.process.processIdentifier
        var killed = 0
        while program.process.isRunning {
            for process in compilers(of: own) where kill(process, SIGKILL) == 0 { killed += 1 }
            usleep(20_000)
        }
        let result = program.finish()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("1 passed"), "\(result.output)")
        #expect(killed > 0)
    }
}
