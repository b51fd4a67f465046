import COpenBLAS

/// The eigenvalues, the largest first, and eigenvectors of a symmetric matrix, by LAPACK's divide and conquer.
struct SymmetricEigen {
    let values: [Double]
    /// One a value, of length 1.
    let vectors: [[Double]]

    /// What LAPACK does not find, as of a matrix with a NaN.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter matrix: [n][n]; of the two triangles one is read.
    init(_ matrix: [Double], size n: Int) throws {
        precondition(matrix.count == n * n && n > 0, "SymmetricEigen: \(matrix.count) values for \(n) x \(n)")
        guard matrix.allSatisfy(\.isFinite) else { throw Failure(description: "eigenvectors of values that are not finite") }
        // Whatever else the process computes, the same bits.
        openblas_set_num_threads(1)
        var columns = matrix, values = [Double](repeating: 0, count: n), size = blasint(n), info: blasint = 0
        func call(_ work: inout [Double], _ integers: inout [blasint], isQuestion: Bool) throws {
            var workSize = isQuestion ? -1 : blasint(work.count), integerSize = isQuestion ? -1 : blasint(integers.count)
            dsyevd_("V", "L", &size, &columns, &size, &values, &work, &workSize, &integers, &integerSize, &info, 1, 1)
            if info != 0 { throw Failure(description: "eigenvectors of a \(n) x \(n) matrix: LAPACK's dsyevd returned \(info)") }
        }
        var work = [0.0], integers: [blasint] = [0]
        try call(&work, &integers, isQuestion: true)
        work = [Double](repeating: 0, count: Int(work[0]))
        integers = [blasint](repeating: 0, count: Int(integers[0]))
        try call(&work, &integers, isQuestion: false)
        self.values = values.reversed()
        vectors = (0..<n).reversed().map { Array(columns[$0 * n..<($0 + 1) * n]) }
    }
}
