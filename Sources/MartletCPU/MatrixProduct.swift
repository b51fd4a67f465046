import COpenBLAS
import MartletCore

/// A batched product as BLAS is to be called for it. Copied into the tasks of a loop.
struct MatrixProduct {
    /// One operand: its matrix in memory is itself or its transpose, rows `leading` apart.
    struct Operand {
        let base: UnsafePointer<Float>
        let batchStride: Int
        let rowStride: Int
        let columnStride: Int
        let isTransposed: Bool
        let leading: Int

        init(_ view: View) {
            let rows = view.shape[1], columns = view.shape[2]
            batchStride = view.strides[0]
            if columns == 1 || view.strides[2] == 1 {
                isTransposed = false
                leading = rows == 1 ? max(columns, 1) : view.strides[1]
            } else {
                isTransposed = true
                leading = columns == 1 ? max(rows, 1) : view.strides[2]
            }
            rowStride = isTransposed ? 1 : leading
            columnStride = isTransposed ? leading : 1
            let enough = leading >= max(1, isTransposed ? rows : columns)
            precondition(
                rows * columns == 0 || enough && (!isTransposed || rows == 1 || view.strides[1] == 1),
                "CPUDevice.matmul: an operand \(view.shape) with strides \(view.strides)")
            base = UnsafePointer(view.floats)
        }

        func at(_ batch: Int, _ row: Int, _ column: Int) -> UnsafePointer<Float> {
            base + batch * batchStride + row * rowStride + column * columnStride
        }

        var transposition: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }
    }

    let batch: Int
    let m: Int
    let n: Int
    let k: Int
    private let a: Operand
    private let b: Operand
    /// [batch, m, n].
    var target: UnsafeMutablePointer<Float>
    /// Whether the product is added to what the target holds.
    var keepsTarget = false

    init(_ a: View, _ b: View, target: UnsafeMutablePointer<Float>) {
        (batch, m, n, k) = (a.shape[0], a.shape[1], b.shape[2], a.shape[2])
        self.a = Operand(a)
        self.b = Operand(b)
        self.target = target
    }

    /// Computes a part of one matrix of the batch, over the terms of the sum given.
    func run(batch: Int, rows: Range<Int>, columns: Range<Int>, terms: Range<Int>? = nil) {
        let terms = terms ?? 0..<k
        let c = target + (batch * m + rows.lowerBound) * n + columns.lowerBound
        if terms.isEmpty {
            if keepsTarget { return }
            for row in 0..<rows.count { (c + row * n).update(repeating: 0, count: columns.count) }
            return
        }
        let left = a.at(batch, rows.lowerBound, terms.lowerBound), right = b.at(batch, terms.lowerBound, columns.lowerBound)
        let beta: Float = keepsTarget ? 1 : 0
        if n == 1 {
            times(a, left, rows: rows.count, columns: terms.count, vector: right, step: b.rowStride, into: c, beta)
        } else if m == 1 {
            times(
                b, right, rows: terms.count, columns: columns.count, vector: left, step: a.columnStride, into: c, beta,
                transposed: true)
        } else {
            cblas_sgemm(
                CblasRowMajor, a.transposition, b.transposition, blasint(rows.count), blasint(columns.count),
                blasint(terms.count), 1, left, blasint(a.leading), right, blasint(b.leading), beta, c, blasint(n))
        }
    }

    /// A matrix, or its transpose, times a vector.
    private func times(
        _ matrix: Operand, _ base: UnsafePointer<Float>, rows: Int, columns: Int, vector: UnsafePointer<Float>,
        step: Int, into c: UnsafeMutablePointer<Float>, _ beta: Float, transposed: Bool = false
    ) {
        let stored = matrix.isTransposed ? (columns, rows) : (rows, columns)
        if beta == 0 { c.update(repeating: 0, count: transposed ? columns : rows) }
        cblas_sgemv(
            CblasRowMajor, matrix.isTransposed != transposed ? CblasTrans : CblasNoTrans, blasint(stored.0),
            blasint(stored.1), 1, base, blasint(matrix.leading), vector, blasint(step), beta, c, 1)
    }

    /// Stores the epilogue of a part that has been computed.
    func apply(_ epilogue: TileEpilogue, batch: Int, rows: Range<Int>, columns: Range<Int>) {
        let place = target + (batch * m + rows.lowerBound) * n + columns.lowerBound
        epilogue.store(place, stride: n, batch: batch, rows: rows, columns: columns)
    }
}

/// How a product is shared out: over the batch, and where that has few matrices over the rows of each, or its columns where
/// there are far more of them, so that what every task packs for itself stays small. Where both sides are short and k is long, over k.
struct MatrixCut {
    let units: Int
    let unitsPerTask: Int
    /// Parts of k, each of which is summed by itself.
    let segments: Int
    private let rowParts: Int
    private let columnParts: Int
    private let rowShare: Int
    private let columnShare: Int
    private let m: Int
    private let n: Int

    /// Floats of a result's part that its epilogue finds in the second-level cache.
    static let cachedFloats = 65536
    /// Multiply-adds that are worth a task.
    private static let taskWork = 500_000
    /// The shares of a side are multiples of this: cache lines, and the rows of BLAS kernels.
    private static let alignment = 16

    init(_ product: MatrixProduct, threads: Int) {
        (m, n) = (product.m, product.n)
        let work = max(1, m * n * max(product.k, 1))
        let wanted = product.batch >= threads * 4 ? 1 : max(1, min(threads, work / MatrixCut.taskWork))
        func parts(_ extent: Int, _ wanted: Int) -> (count: Int, share: Int) {
            let share = ((extent + wanted - 1) / wanted + MatrixCut.alignment - 1) / MatrixCut.alignment * MatrixCut.alignment
            return ((extent + share - 1) / share, share)
        }
        // Shares of rows lie together in memory and are the cheaper to pack for.
        let isWide = n > 4 * m
        let long = parts(isWide ? n : m, wanted)
        let short = parts(isWide ? m : n, max(1, wanted / long.count))
        (columnParts, columnShare) = isWide ? long : short
        (rowParts, rowShare) = isWide ? short : long
        let made = rowParts * columnParts
        segments = made * product.batch * 2 <= threads && wanted > made && product.k >= 64 * wanted ? wanted / made : 1
        units = product.batch * made
        unitsPerTask = max(1, min(units / max(1, threads), MatrixCut.taskWork / (work / made + 1)))
    }

    func part(_ unit: Int) -> (batch: Int, rows: Range<Int>, columns: Range<Int>) {
        let column = unit % columnParts, rest = unit / columnParts
        let row = rest % rowParts
        return (
            rest / rowParts, row * rowShare..<min(m, (row + 1) * rowShare),
            column * columnShare..<min(n, (column + 1) * columnShare)
        )
    }
}
