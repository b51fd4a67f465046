import MartletCore
import Testing

@Suite struct ShapeTests {
    private static let fitting: [([Int], [Int], [Int])] = [
        ([], [], []), ([3], [], [3]), ([2, 1], [3], [2, 3]), ([1, 5, 1], [4, 1, 6], [4, 5, 6]), ([0], [1], [0]),
        ([0, 3], [1, 1], [0, 3]),
    ]

    @Test(arguments: fitting) func broadcast(_ a: [Int], _ b: [Int], _ both: [Int]) {
        #expect(Shapes.broadcast(a, b) == both)
        #expect(Shapes.broadcast(b, a) == both)
    }

    @Test(arguments: [([2], [3]), ([2, 3], [2]), ([0], [2])]) func noBroadcast(_ a: [Int], _ b: [Int]) {
        #expect(Shapes.broadcast(a, b) == nil)
    }

    @Test func rowMajorStrides() {
        #expect(Shapes.rowMajorStrides([2, 3, 4]) == [12, 4, 1])
        #expect(Shapes.rowMajorStrides([]) == [])
        #expect(Shapes.offsets(shape: [2, 2], strides: [1, 10]) == [0, 10, 1, 11])
        #expect(Shapes.offsets(shape: [2, 0], strides: [1, 1]).isEmpty)
    }

    @Test func viewsKnowTheirOrder() {
        let buffer = DeviceBuffer(byteCount: 96)
        func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
            View(buffer, .float32, offset: 0, shape: shape, strides: strides).isContiguous
        }
        #expect(isContiguous([2, 3, 4], [12, 4, 1]))
        #expect(isContiguous([2, 1, 4], [4, 77, 1]))
        #expect(isContiguous([0, 3], [1, 9]) && isContiguous([3, 0, 2], [1, 1, 7]))
        #expect(!isContiguous([2, 3], [1, 2]) && !isContiguous([4], [0]) && !isContiguous([4], [2]))
    }

    /// PyTorch 2's sizes for these.
    @Test func convolutionSizes() {
        let image = Pair(11, 12)
        #expect(ConvolutionOptions().outputSize(image: image, kernel: 3) == Pair(9, 10))
        #expect(ConvolutionOptions(stride: 2, padding: 1).outputSize(image: image, kernel: 3) == 6)
        #expect(
            ConvolutionOptions(stride: Pair(3, 2), padding: Pair(0, 4), dilation: Pair(2, 3)).outputSize(
                image: image, kernel: Pair(4, 2)) == Pair(2, 9))
        #expect(ConvolutionOptions().outputSize(image: 2, kernel: 3) == 0)
    }

    @Test func poolingSizes() {
        #expect(PoolingOptions(kernel: 3, stride: 2).outputSize(image: 8) == 3)
        #expect(PoolingOptions(kernel: 3, stride: 2, ceilMode: true).outputSize(image: 8) == 4)
        // A last window that would begin in the padding behind the image does not count.
        #expect(PoolingOptions(kernel: 2, stride: 3, padding: 1, ceilMode: true).outputSize(image: 4) == 2)
        #expect(PoolingOptions(kernel: 5).outputSize(image: 4) == 0)
    }
}
