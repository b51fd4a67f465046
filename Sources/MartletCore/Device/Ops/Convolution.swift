/// How a kernel moves over an image. Order of the pairs: vertical, horizontal.
public struct ConvolutionOptions: Hashable, Sendable {
    public var stride: Pair
    /// Zeros added on both sides of an axis.
    public var padding: Pair
    public var dilation: Pair
    /// Input and output channels are divided into this many groups that do not see each other.
    public var groups: Int
    /// A device takes `direct` where the form that is named does not apply.
    public var algorithm: ConvolutionAlgorithm

    public init(
        stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: Int = 1, algorithm: ConvolutionAlgorithm = .automatic
    ) {
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.algorithm = algorithm
    }

    /// The output's height and width for an image and kernel of these sizes; not positive where the kernel does not fit.
    public func outputSize(image: Pair, kernel: Pair) -> Pair {
        func extent(_ image: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
            let span = image + 2 * padding - dilation * (kernel - 1) - 1
            return span < 0 ? 0 : span / stride + 1
        }
        return Pair(
            extent(image.y, kernel.y, stride.y, padding.y, dilation.y),
            extent(image.x, kernel.x, stride.x, padding.x, dilation.x))
    }
}

/// A vertical and a horizontal number. A literal sets both.
public struct Pair: Hashable, Sendable, ExpressibleByIntegerLiteral {
    public var y: Int
    public var x: Int

    public init(_ y: Int, _ x: Int) {
        self.y = y
        self.x = x
    }

    public init(integerLiteral value: Int) { self.init(value, value) }
}

/// Two-dimensional convolution (cross-correlation, as all frameworks have it). All views are float32 and contiguous:
/// x [n, c, h, w], w [o, c / groups, kh, kw], y [n, o, oh, ow] with (oh, ow) = `options.outputSize`.
public protocol ConvolutionOps: AnyObject {
    /// y = epilogue(x * w). The epilogue's operands are views of y's shape (a bias has strides [0, 1, 0, 0]).
    func convolution(_ x: View, _ w: View, into y: View, options: ConvolutionOptions, epilogue: Epilogue?)
    /// The gradient with respect to the input: dx (of x's shape) from dy (of y's shape) and w.
    func convolutionInputGradient(_ dy: View, _ w: View, into dx: View, options: ConvolutionOptions)
    /// The gradient with respect to the weight: dw (of w's shape) from x and dy.
    func convolutionWeightGradient(_ x: View, _ dy: View, into dw: View, options: ConvolutionOptions)
}
