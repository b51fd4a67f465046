import CMartletCPU
import MartletCore

/// An epilogue made ready to be applied to tiles of a product while they are in the cache. The result is seen as
/// [batch, rows, columns]: a matrix product's own axes; images, channels and positions of a convolution.
package final class TileEpilogue: @unchecked Sendable {
    /// For C functions that apply it themselves.
    package var handle: UnsafePointer<martlet_epilogue> { UnsafePointer(storage) }
    /// Whether it reads what the result holds before the product is stored: then the product must not be put there first.
    package let readsResult: Bool

    private let storage: UnsafeMutablePointer<martlet_epilogue>
    private let operands: UnsafeMutablePointer<martlet_operand>
    private let scalars: UnsafeMutablePointer<Float>
    private let program: PointwiseProgram
    private let views: [View]

    /// - Parameters:
    ///   - result: contiguous; its leading axes make up `shape`'s batch, the next ones its rows, the last ones its columns.
    ///   - shape: batch, rows and columns.
    /// - Returns: nil where there is no memory for an operand that has to be laid out anew; the result is then marked.
    package init?(_ epilogue: Epilogue, result: View, as shape: (batch: Int, rows: Int, columns: Int), on device: CPUDevice) {
        let expression = epilogue.expression
        precondition(
            expression.results.count == 1 && expression.inputCount <= epilogue.operands.count + 1
                && expression.scalarCount <= epilogue.scalars.count,
            "CPUDevice: an epilogue of \(expression.inputCount) inputs with \(epilogue.operands.count) operands")
        let extents = [shape.batch, shape.rows, shape.columns]
        var views: [View] = [], strides: [[Int]] = []
        for operand in epilogue.operands {
            precondition(operand.shape == result.shape, "CPUDevice: an epilogue's operand \(operand.shape) for \(result.shape)")
            if let three = TileEpilogue.strides(of: operand, as: extents) {
                views.append(operand)
                strides.append(three)
            } else {
                guard let memory = device.scratch(floats: operand.count, for: [result]) else { return nil }
                let plain = View(memory, operand.type, shape: operand.shape)
                device.pointwise(.input(0), scalars: [], inputs: [operand], outputs: [plain])
                views.append(plain)
                strides.append([shape.rows * shape.columns, shape.columns, 1])
            }
        }
        self.views = views + [result]
        readsResult = views.contains { $0.buffer === result.buffer }
        program = device.program(for: expression)
        operands = .allocate(capacity: max(views.count, 1))
        for (index, view) in views.enumerated() {
            operands[index].point(to: View(view.buffer, view.type, offset: view.offset, shape: extents, strides: strides[index]))
        }
        scalars = .allocate(capacity: max(epilogue.scalars.count, 1))
        scalars.initialize(from: epilogue.scalars, count: epilogue.scalars.count)
        storage = .allocate(capacity: 1)
        storage.initialize(
            to: martlet_epilogue(
                program: program.program, scalars: scalars, result: result.floats,
                result_strides: (Int64(shape.rows * shape.columns), Int64(shape.columns), 1), operands: operands))
    }

    deinit {
        operands.deallocate()
        scalars.deallocate()
        storage.deallocate()
    }

    /// Stores the epilogue of a tile whose first product is at `product`, rows `stride` apart (both may be the result's own).
    package func store(_ product: UnsafePointer<Float>, stride: Int, batch: Int, rows: Range<Int>, columns: Range<Int>) {
        martlet_epilogue_run(
            storage, product, Int64(stride), Int64(batch), Int64(rows.lowerBound), Int64(rows.count),
            Int64(columns.lowerBound), Int64(columns.count))
    }

    /// A view's strides when its axes are joined to three of these extents; nil where they cannot be.
    private static func strides(of view: View, as extents: [Int]) -> [Int]? {
        var result: [Int] = []
        var axis = 0
        for extent in extents {
            var count = 1, group = 0
            while axis < view.rank, count < extent || (view.shape[axis] == 1 && count == extent) {
                let size = view.shape[axis], stride = view.strides[axis]
                if size > 1 {
                    if count > 1 && group != stride * size { return nil }
                    group = stride
                }
                count *= size
                axis += 1
            }
            precondition(count == extent, "CPUDevice: an epilogue of shape \(view.shape) seen as \(extents)")
            result.append(group)
        }
        return result
    }
}
