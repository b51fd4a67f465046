import CMartletCPU
import MartletCore

/// Pooling: forward passes are cut by output rows, gradients by planes, each of which one task owns.
extension CPUDevice {
    public func maxPool(_ x: View, into y: View, indices: View, options: PoolingOptions) {
        guard begin(reading: [x], writing: [y, indices]) else { return }
        let (source, result, positions, streamed) = (x.floats, y.floats, indices.ints, y.isStreamed)
        pooledRows(martlet_pooling(image: x, output: y, options)) {
            martlet_max_pool($0, source, result, positions, streamed, $1, $2)
        }
    }

    public func maxPoolGradient(_ dy: View, indices: View, into dx: View, options: PoolingOptions) {
        scatterMaximum(dy, indices, dx)
    }

    public func averagePool(_ x: View, into y: View, options: PoolingOptions) {
        guard begin(reading: [x], writing: [y]) else { return }
        let (source, result, streamed) = (x.floats, y.floats, y.isStreamed)
        pooledRows(martlet_pooling(image: x, output: y, options)) { martlet_average_pool($0, source, result, streamed, $1, $2) }
    }

    public func averagePoolGradient(_ dy: View, into dx: View, options: PoolingOptions) {
        guard begin(reading: [dy], writing: [dx]) else { return }
        let (gradient, result) = (dy.floats, dx.floats)
        planes(martlet_pooling(image: dx, output: dy, options)) {
            martlet_average_pool_gradient($0, gradient, result, $1, $2)
        }
    }

    public func adaptiveAveragePool(_ x: View, into y: View) {
        if y.shape[2] == 1, y.shape[3] == 1 {
            let planes = x.shape[0] * x.shape[1]
            return reduce(.mean, x.reshaped([planes, x.shape[2] * x.shape[3], 1]), into: y.reshaped([planes, 1]))
        }
        guard begin(reading: [x], writing: [y]) else { return }
        let (source, result) = (x.floats, y.floats)
        pooledRows(martlet_pooling(image: x, output: y)) { martlet_adaptive_average_pool($0, source, result, $1, $2) }
    }

    public func adaptiveAveragePoolGradient(_ dy: View, into dx: View) {
        guard begin(reading: [dy], writing: [dx]) else { return }
        let (gradient, result) = (dy.floats, dx.floats)
        planes(martlet_pooling(image: dx, output: dy)) {
            martlet_adaptive_average_pool_gradient($0, gradient, result, $1, $2)
        }
    }

    public func adaptiveMaxPool(_ x: View, into y: View, indices: View) {
        guard begin(reading: [x], writing: [y, indices]) else { return }
        let (source, result, positions) = (x.floats, y.floats, indices.ints)
        pooledRows(martlet_pooling(image: x, output: y)) {
            martlet_adaptive_max_pool($0, source, result, positions, $1, $2)
        }
    }

    public func adaptiveMaxPoolGradient(_ dy: View, indices: View, into dx: View) {
        scatterMaximum(dy, indices, dx)
    }

    private func scatterMaximum(_ dy: View, _ indices: View, _ dx: View) {
        guard begin(reading: [dy, indices], writing: [dx]) else { return }
        let (gradient, positions, result) = (dy.floats, indices.ints, dx.floats)
        planes(martlet_pooling(image: dx, output: dy)) {
            martlet_max_pool_gradient($0, gradient, positions, result, $1, $2)
        }
    }

    private func pooledRows(_ pooling: martlet_pooling, _ body: (UnsafePointer<martlet_pooling>, Int64, Int64) -> Void) {
        let outputs = max(pooling.rows * pooling.columns, 1)
        let window = max(pooling.kernel_y * pooling.kernel_x, pooling.height * pooling.width / outputs)
        let grain = max(1, 32768 / max(Int(pooling.columns * window), 1))
        withUnsafePointer(to: pooling) { pooling in
            let rows = Int(pooling.pointee.planes * pooling.pointee.rows)
            pool.run(over: rows, grain: grain, perWorker: 4) { rows, _ in body(pooling, rows.low, rows.high) }
        }
    }

    private func planes(_ pooling: martlet_pooling, _ body: (UnsafePointer<martlet_pooling>, Int64, Int64) -> Void) {
        let work = pooling.height * pooling.width + pooling.rows * pooling.columns * pooling.kernel_y * pooling.kernel_x
        let grain = max(1, 32768 / max(Int(work), 1))
        withUnsafePointer(to: pooling) { pooling in
            pool.run(over: Int(pooling.pointee.planes), grain: grain, perWorker: 4) { planes, _ in
                body(pooling, planes.low, planes.high)
            }
        }
    }
}

extension martlet_pooling {
    /// Of an image view [n, c, h, w] and an output view [n, c, oh, ow]; without options, windows as adaptive pooling has them.
    init(image: View, output: View, _ options: PoolingOptions? = nil) {
        let options = options ?? PoolingOptions(kernel: 1)
        self.init(
            planes: Int64(image.shape[0] * image.shape[1]), height: Int64(image.shape[2]), width: Int64(image.shape[3]),
            rows: Int64(output.shape[2]), columns: Int64(output.shape[3]),
            kernel_y: Int64(options.kernel.y), kernel_x: Int64(options.kernel.x),
            stride_y: Int64(options.stride.y), stride_x: Int64(options.stride.x),
            padding_y: Int64(options.padding.y), padding_x: Int64(options.padding.x),
            dilation_y: Int64(options.dilation.y), dilation_x: Int64(options.dilation.x),
            counts_padding: options.countsPadding ? 1 : 0)
    }
}
