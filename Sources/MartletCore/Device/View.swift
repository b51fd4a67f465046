/// Elements of a buffer: the element at index `(i0, i1, ...)` lies at `offset + i0 * strides[0] + i1 * strides[1] + ...`,
/// counted in elements. A stride of 0 repeats (broadcasts) an axis. Strides are never negative.
public struct View: @unchecked Sendable {
    public var buffer: DeviceBuffer
    public var type: DataType
    public var offset: Int
    public var shape: [Int]
    public var strides: [Int]

    public init(_ buffer: DeviceBuffer, _ type: DataType, offset: Int, shape: [Int], strides: [Int]) {
        self.buffer = buffer
        self.type = type
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }

    /// A row-major view of a whole buffer.
    public init(_ buffer: DeviceBuffer, _ type: DataType = .float32, shape: [Int]) {
        self.init(buffer, type, offset: 0, shape: shape, strides: Shapes.rowMajorStrides(shape))
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    public var rank: Int { shape.count }

    /// Whether the elements lie one after the other in row-major order.
    public var isContiguous: Bool { Shapes.isRowMajor(shape, strides: strides) }

    /// The same elements with other extents. The view must be contiguous and the counts equal.
    public func reshaped(_ shape: [Int]) -> View {
        precondition(isContiguous && shape.reduce(1, *) == count, "View.reshaped: \(self.shape) to \(shape)")
        return View(buffer, type, offset: offset, shape: shape, strides: Shapes.rowMajorStrides(shape))
    }
}

/// Arithmetic on shapes.
public enum Shapes {
    private static let strideOfVector = [1]

    /// The strides, in elements, of a row-major array.
    public static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        if shape.count == 1 { return strideOfVector }
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in stride(from: shape.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }

    /// The strides with which an array is read as a larger one that `broadcast` allows: 0 along axes that repeat.
    package static func broadcastStrides(_ shape: [Int], strides: [Int], to newShape: [Int]) -> [Int] {
        let added = newShape.count - shape.count
        return newShape.indices.map { index in
            index < added || (shape[index - added] == 1 && newShape[index] != 1) ? 0 : strides[index - added]
        }
    }

    /// Whether elements with these extents and strides lie one after the other in row-major order.
    public static func isRowMajor(_ shape: [Int], strides: [Int]) -> Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for axis in stride(from: shape.count - 1, through: 0, by: -1) where shape[axis] != 1 {
            if strides[axis] != expected { return false }
            expected *= shape[axis]
        }
        return true
    }

    /// The shape that two operands take together, NumPy's rule; nil where they do not fit.
    public static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
        let rank = max(a.count, b.count)
        var result = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let left = axis - (rank - a.count), right = axis - (rank - b.count)
            let x = left < 0 ? 1 : a[left], y = right < 0 ? 1 : b[right]
            guard x == y || x == 1 || y == 1 else { return nil }
            result[axis] = x == 1 ? y : x
        }
        return result
    }
}
