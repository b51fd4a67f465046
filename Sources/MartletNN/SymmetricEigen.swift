import Glibc

/// The eigenvalues, the largest first, and eigenvectors of a symmetric matrix: Householder reflections make it tridiagonal, and the QL
/// method with implicit shifts makes that diagonal. Golub and Van Loan, "Matrix Computations", chapter 8.
struct SymmetricEigen {
    private(set) var values: [Double]
    /// One a value, of length 1.
    private(set) var vectors: [[Double]]

    /// - Parameter matrix: [n][n], row-major; the upper triangle is not read beyond symmetry.
    init(_ matrix: [Double], size n: Int) {
        precondition(matrix.count == n * n && n > 0, "SymmetricEigen: \(matrix.count) values for \(n) x \(n)")
        var (diagonal, beside, reflections) = Self.tridiagonal(matrix, n)
        var rows = [Double](repeating: 0, count: n * n)
        for index in 0..<n { rows[index * n + index] = 1 }
        Self.diagonalize(&diagonal, &beside, &rows, n)
        for (first, reflection) in reflections.enumerated().reversed() where !reflection.isEmpty {
            for row in 0..<n {
                let start = row * n + first + 1
                var sum = 0.0
                for index in reflection.indices { sum += reflection[index] * rows[start + index] }
                for index in reflection.indices { rows[start + index] -= 2 * sum * reflection[index] }
            }
        }
        let order = diagonal.indices.sorted { (diagonal[$1], $0) < (diagonal[$0], $1) }
        values = order.map { diagonal[$0] }
        vectors = order.map { Array(rows[$0 * n..<($0 + 1) * n]) }
    }

    /// - Returns: the diagonal, what stands beside it, and for each column the reflection of what is below its diagonal.
    private static func tridiagonal(_ matrix: [Double], _ n: Int) -> ([Double], [Double], [[Double]]) {
        var a = matrix, beside = [Double](repeating: 0, count: n), reflections: [[Double]] = []
        for column in 0..<max(n - 2, 0) {
            let first = column + 1, m = n - first
            var v = (0..<m).map { a[(first + $0) * n + column] }
            let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard length > 0 else {
                reflections.append([])
                continue
            }
            let end = v[0] > 0 ? -length : length
            v[0] -= end
            let scale = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            v = v.map { $0 / scale }
            beside[column] = end
            // A - v q' - q v' is the reflected rest.
            var q = [Double](repeating: 0, count: m)
            a.withUnsafeMutableBufferPointer { a in
                for i in 0..<m {
                    let row = (first + i) * n + first
                    var sum = 0.0
                    for j in 0..<m { sum += a[row + j] * v[j] }
                    q[i] = 2 * sum
                }
                let share = zip(q, v).reduce(0) { $0 + $1.0 * $1.1 }
                for i in 0..<m { q[i] -= share * v[i] }
                for i in 0..<m {
                    let row = (first + i) * n + first, (vi, qi) = (v[i], q[i])
                    for j in 0..<m { a[row + j] -= vi * q[j] + qi * v[j] }
                }
            }
            reflections.append(v)
        }
        if n > 1 { beside[n - 2] = a[(n - 1) * n + n - 2] }
        return ((0..<n).map { a[$0 * n + $0] }, beside, reflections)
    }

    /// Turns `rows` along, whose rows become the eigenvectors of the tridiagonal matrix.
    private static func diagonalize(_ d: inout [Double], _ e: inout [Double], _ rows: inout [Double], _ n: Int) {
        for low in 0..<n {
            for _ in 0..<100 {
                var high = low
                while high < n - 1, abs(e[high]) > 1e-16 * (abs(d[high]) + abs(d[high + 1])) { high += 1 }
                if high == low { break }
                var g = (d[low + 1] - d[low]) / (2 * e[low])
                g = d[high] - d[low] + e[low] / (g + copysign(hypot(g, 1), g))
                var s = 1.0, c = 1.0, p = 0.0, isCut = false
                for i in (low..<high).reversed() {
                    let f = s * e[i], b = c * e[i], r = hypot(f, g)
                    e[i + 1] = r
                    if r == 0 {
                        d[i + 1] -= p
                        e[high] = 0
                        isCut = true
                        break
                    }
                    (s, c) = (f / r, g / r)
                    g = d[i + 1] - p
                    let t = (d[i] - g) * s + 2 * c * b
                    p = s * t
                    d[i + 1] = g + p
                    g = c * t - b
                    rows.withUnsafeMutableBufferPointer { rows in
                        let upper = rows.baseAddress! + i * n, lower = upper + n
                        for k in 0..<n {
                            let x = upper[k], y = lower[k]
                            lower[k] = s * x + c * y
                            upper[k] = c * x - s * y
                        }
                    }
                }
                if isCut { continue }
                d[low] -= p
                e[low] = g
                e[high] = 0
            }
        }
    }
}
