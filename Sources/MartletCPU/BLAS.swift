import COpenBLAS
import CMartletCPU
import Glibc
import MartletCore

/// What the device needs to know of OpenBLAS.
enum BLAS {
    /// The version and the set of kernels ("core") it chose for this processor, as `OpenBLAS 0.3.21, core Cooperlake`.
    static var description: String {
        let words = string(openblas_get_config()).split(separator: " ")
        let version = words.count > 1 && words[0] == "OpenBLAS" ? "OpenBLAS \(words[1])" : "OpenBLAS"
        return "\(version), core \(core)"
    }

    static var core: String { string(openblas_get_corename()) }

    /// Whether products of small integers, which have exact results, come out right: each combination of transpositions,
    /// at sizes that reach both the full tiles and the edges of a kernel. Tried once a process; takes about a millisecond.
    static let isRight: Bool = {
        openblas_set_num_threads(1)
        for (m, n, k) in [(1, 1, 1), (7, 5, 3), (33, 17, 40), (50, 64, 96), (129, 67, 19)] {
            for transposeA in [false, true] {
                for transposeB in [false, true] where !isRight(m, n, k, transposeA, transposeB) { return false }
            }
        }
        return true
    }()

    private static func isRight(_ m: Int, _ n: Int, _ k: Int, _ transposeA: Bool, _ transposeB: Bool) -> Bool {
        let a = (0..<m * k).map { Float(($0 * 7 + 3) % 11 - 5) }
        let b = (0..<k * n).map { Float(($0 * 5 + 1) % 13 - 6) }
        var c = [Float](repeating: .nan, count: m * n)
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a, blasint(transposeA ? m : k), b, blasint(transposeB ? k : n),
            0, &c, blasint(n))
        for row in 0..<m {
            for column in 0..<n {
                var sum: Float = 0
                for i in 0..<k {
                    sum += (transposeA ? a[i * m + row] : a[row * k + i]) * (transposeB ? b[column * k + i] : b[i * n + column])
                }
                if c[row * n + column] != sum { return false }
            }
        }
        return true
    }

    private static func string(_ text: UnsafePointer<CChar>?) -> String { text.map { String(cString: $0) } ?? "unknown" }
}

extension CPUDevice {
    /// Whether OpenBLAS multiplies correctly on this processor with the core it chose. An old OpenBLAS on a new processor
    /// may not.
    public static func blasSelfTest() -> Bool { BLAS.isRight }

    /// To be called first by a program's `main`: where the self-test fails, sets `OPENBLAS_CORETYPE` to a core that every
    /// processor of this instruction set runs and starts the program again, once. Returns where all is well.
    ///
    /// - Throws: `DeviceError` where the safe core fails too, or the program cannot be started again.
    public static func reexecIfBLASIsWrong() throws {
        if blasSelfTest() { return }
        let core = String(cString: martlet_safe_blas_core())
        let guardName = "MARTLET_BLAS_RESTARTED"
        guard getenv(guardName) == nil else {
            throw DeviceError(
                .unavailable,
                "cpu: \(BLAS.description) multiplies wrongly on this processor, and so does the "
                    + "core \(core): install another OpenBLAS")
        }
        setenv(guardName, "1", 1)
        setenv("OPENBLAS_CORETYPE", core, 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        throw DeviceError(
            .unavailable,
            "cpu: \(BLAS.description) multiplies wrongly on this processor, and the program could "
                + "not be started again (\(String(cString: strerror(errno)))): set OPENBLAS_CORETYPE=\(core)")
    }

    static func requireBLAS() throws {
        if blasSelfTest() { return }
        throw DeviceError(
            .unavailable,
            "cpu: \(BLAS.description) multiplies wrongly on this processor: set "
                + "OPENBLAS_CORETYPE=\(String(cString: martlet_safe_blas_core())) and start the program again")
    }
}
