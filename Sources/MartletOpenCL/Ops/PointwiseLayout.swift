import MartletCore

/// The loops of a pointwise op: axes in the order of the first output's memory, neighbours joined where every operand
/// lets them be. The last axis is the row that vectors run along.
struct PointwiseLayout {
    /// How an operand lies along the row.
    enum Access: Int {
        case repeated, contiguous, strided
    }

    /// At least one axis.
    private(set) var extents: [Int]
    /// For each operand (inputs, then outputs) its strides along the axes.
    private(set) var strides: [[Int]]

    init(inputs: [View], outputs: [View]) {
        let shape = outputs[0].shape
        let operands = inputs + outputs
        if operands.allSatisfy({ $0.isContiguous }) {
            extents = [outputs[0].count]
            strides = Array(repeating: [1], count: operands.count)
            return
        }
        let order = shape.indices.filter { shape[$0] != 1 }
            .sorted { (outputs[0].strides[$0], $1) > (outputs[0].strides[$1], $0) }
        extents = []
        strides = Array(repeating: [], count: operands.count)
        for axis in order {
            let extent = shape[axis]
            if let outer = extents.indices.last,
                operands.indices.allSatisfy({ strides[$0][outer] == operands[$0].strides[axis] * extent })
            {
                extents[outer] *= extent
                for operand in operands.indices { strides[operand][outer] = operands[operand].strides[axis] }
            } else {
                extents.append(extent)
                for operand in operands.indices { strides[operand].append(operands[operand].strides[axis]) }
            }
        }
        if extents.isEmpty {
            extents = [1]
            strides = Array(repeating: [1], count: operands.count)
        }
    }

    var rank: Int { extents.count }
    var rowLength: Int { extents[rank - 1] }
    var rowCount: Int { extents.dropLast().reduce(1, *) }

    func access(_ operand: Int) -> Access {
        switch strides[operand][rank - 1] {
        case 0: .repeated
        case 1: .contiguous
        default: .strided
        }
    }

    func stage(_ operand: Int) -> StagedExpression.Stage {
        if access(operand) != .repeated { return .element }
        return strides[operand].allSatisfy { $0 == 0 } ? .once : .row
    }

    /// All that a kernel's text depends on: two bits an operand for the row, one for each outer axis it moves along.
    func pattern(_ operand: Int) -> Int {
        var bits = access(operand).rawValue
        for axis in 0..<rank - 1 { bits = bits << 1 | (strides[operand][axis] == 0 ? 0 : 1) }
        return bits
    }

    /// A number that a kernel takes at each launch.
    enum Parameter {
        case offset(operand: Int)
        case stride(operand: Int, axis: Int)
        /// Of an outer axis but the first.
        case extent(axis: Int)
    }

    /// The numbers of these operands, in the order of a kernel's arguments.
    func forEachParameter(_ operands: [Int], _ body: (Parameter) -> Void) {
        for operand in operands {
            body(.offset(operand: operand))
            for axis in 0..<rank where strides[operand][axis] != 0 {
                if axis == rank - 1 && strides[operand][axis] == 1 { continue }
                body(.stride(operand: operand, axis: axis))
            }
        }
        for axis in 1..<max(rank - 1, 1) { body(.extent(axis: axis)) }
    }
}
