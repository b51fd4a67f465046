import MartletCore

/// The largest of each window of [n, c, h, w].
public final class MaxPool2D: Layer {
    public let options: PoolingOptions

    public init(_ kernel: Pair, stride: Pair? = nil, padding: Pair = 0, dilation: Pair = 1, ceilMode: Bool = false) {
        options = PoolingOptions(kernel: kernel, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.maxPooled(options) }
}

/// The average of each window of [n, c, h, w].
public final class AveragePool2D: Layer {
    public let options: PoolingOptions

    public init(_ kernel: Pair, stride: Pair? = nil, padding: Pair = 0, ceilMode: Bool = false, countsPadding: Bool = true) {
        options = PoolingOptions(
            kernel: kernel, stride: stride, padding: padding, ceilMode: ceilMode, countsPadding: countsPadding)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.averagePooled(options) }
}

/// Averages [n, c, h, w] down to a given size, whatever the image's.
public final class AdaptiveAveragePool2D: Layer {
    public let size: Pair

    public init(_ size: Pair) { self.size = size }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.adaptiveAveragePooled(size) }
}

/// The average of each channel of [n, c, ...] over all its places: [n, c].
public final class GlobalAverage: Layer {
    public init() {}

    public func callAsFunction(_ x: Tensor) -> Tensor { x.mean(Array(2..<x.rank)) }
}

/// The largest of windows that divide [n, c, h, w] into a given size.
public final class AdaptiveMaxPool2D: Layer {
    public let size: Pair

    public init(_ size: Pair) { self.size = size }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.adaptiveMaxPooled(size) }
}
