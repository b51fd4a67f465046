/// How a pooling window moves over an image.
public struct PoolingOptions: Hashable, Sendable {
    public var kernel: Pair
    public var stride: Pair
    /// Positions added on both sides: never the largest, and zeros to an average. At most half the kernel.
    public var padding: Pair
    /// Steps between a window's positions. Maximum only; 1 for averages.
    public var dilation: Pair
    /// Whether a last window that begins inside the image or its left padding but ends outside counts.
    public var ceilMode: Bool
    /// Whether an average divides by the padded positions too (never by those `ceilMode` adds beyond the padding).
    public var countsPadding: Bool

    public init(
        kernel: Pair, stride: Pair? = nil, padding: Pair = 0, dilation: Pair = 1, ceilMode: Bool = false,
        countsPadding: Bool = true
    ) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
        self.dilation = dilation
        self.ceilMode = ceilMode
        self.countsPadding = countsPadding
    }

    /// The output's height and width, PyTorch's rule; not positive where no window fits.
    public func outputSize(image: Pair) -> Pair {
        func extent(_ image: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
            let span = image + 2 * padding - dilation * (kernel - 1) - 1
            guard span >= 0 else { return 0 }
            guard ceilMode else { return span / stride + 1 }
            let count = (span + stride - 1) / stride + 1
            return (count - 1) * stride >= image + padding ? count - 1 : count
        }
        return Pair(
            extent(image.y, kernel.y, stride.y, padding.y, dilation.y),
            extent(image.x, kernel.x, stride.x, padding.x, dilation.x))
    }
}

/// Pooling. All views are contiguous: x [n, c, h, w] and y [n, c, oh, ow] float32, indices [n, c, oh, ow] int32.
public protocol PoolingOps: AnyObject {
    /// The largest of each window, and where it lies: `row * w + column` in its own image plane. The first of equals wins;
    /// a NaN wins over all (the first NaN).
    func maxPool(_ x: View, into y: View, indices: View, options: PoolingOptions)
    /// dx gathers dy from each window whose index names the position; zero elsewhere.
    func maxPoolGradient(_ dy: View, indices: View, into dx: View, options: PoolingOptions)
    func averagePool(_ x: View, into y: View, options: PoolingOptions)
    func averagePoolGradient(_ dy: View, into dx: View, options: PoolingOptions)
    /// The average over the window from floor(i * h / oh) to ceil((i + 1) * h / oh), for every output row i, and so for
    /// columns. y's shape says the output size; 1 x 1 is global pooling.
    func adaptiveAveragePool(_ x: View, into y: View)
    func adaptiveAveragePoolGradient(_ dy: View, into dx: View)
    /// As `adaptiveAveragePool`, the largest of each window and its index as in `maxPool`.
    func adaptiveMaxPool(_ x: View, into y: View, indices: View)
    func adaptiveMaxPoolGradient(_ dy: View, indices: View, into dx: View)
}
