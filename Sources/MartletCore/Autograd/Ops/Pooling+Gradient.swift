extension Tensor {
    /// The largest of each window of [n, c, h, w].
    public func maxPooled(_ options: PoolingOptions, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        pooled("maxPooled", outputSize(options, "maxPooled", file, line), withIndices: true) { device, x, y, indices in
            device.maxPool(x, into: y, indices: indices!, options: options)
        } gradient: { device, dy, indices, dx in
            device.maxPoolGradient(dy, indices: indices!, into: dx, options: options)
        }
    }

    /// The average of each window of [n, c, h, w].
    public func averagePooled(_ options: PoolingOptions, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        require(options.dilation == 1, "averagePooled", "averages have no dilation, not \(options.dilation)", file, line)
        return pooled("averagePooled", outputSize(options, "averagePooled", file, line)) { device, x, y, _ in
            device.averagePool(x, into: y, options: options)
        } gradient: { device, dy, _, dx in
            device.averagePoolGradient(dy, into: dx, options: options)
        }
    }

    /// Averages over windows that divide [n, c, h, w] into an output of this size; 1 is global pooling.
    public func adaptiveAveragePooled(_ size: Pair, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        requireImages("adaptiveAveragePooled", size, file, line)
        return pooled("adaptiveAveragePooled", size) { device, x, y, _ in
            device.adaptiveAveragePool(x, into: y)
        } gradient: { device, dy, _, dx in
            device.adaptiveAveragePoolGradient(dy, into: dx)
        }
    }

    /// The largest over windows that divide [n, c, h, w] into an output of this size.
    public func adaptiveMaxPooled(_ size: Pair, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        requireImages("adaptiveMaxPooled", size, file, line)
        return pooled("adaptiveMaxPooled", size, withIndices: true) { device, x, y, indices in
            device.adaptiveMaxPool(x, into: y, indices: indices!)
        } gradient: { device, dy, indices, dx in
            device.adaptiveMaxPoolGradient(dy, indices: indices!, into: dx)
        }
    }

    private func pooled(
        _ operation: String, _ size: Pair, withIndices: Bool = false,
        _ forward: (any Device, View, View, View?) -> Void,
        gradient: @escaping (any Device, View, View?, View) -> Void
    ) -> Tensor {
        let device = resolvedDevice(), source = shape
        let result = Tensor(empty: [shape[0], shape[1], size.y, size.x], on: device)
        let indices = withIndices ? Tensor(empty: result.shape, type: .int32, on: device) : nil
        if result.count > 0 {
            forward(device, contiguousView(on: device), result.view(on: device), indices?.view(on: device))
        }
        return result.recorded([self]) { dy, _ in
            [
                Tensor(filling: source, on: device, zero: dy.count == 0) {
                    gradient(device, dy.contiguousView(on: device), indices?.view(on: device), $0)
                }
            ]
        }
    }

    private func outputSize(_ options: PoolingOptions, _ operation: String, _ file: StaticString, _ line: UInt) -> Pair {
        require(rank == 4 && type == .float32, operation, "[n, c, h, w] wanted, not \(shape)", file, line)
        let size = options.outputSize(image: Pair(shape[2], shape[3]))
        require(
            options.kernel.isPositive && options.stride.isPositive && options.dilation.isPositive && options.padding.isNonNegative
                && options.padding.y * 2 <= options.kernel.y && options.padding.x * 2 <= options.kernel.x && size.isPositive,
            operation, "\(options) on \(shape)", file, line)
        return size
    }

    private func requireImages(_ operation: String, _ size: Pair, _ file: StaticString, _ line: UInt) {
        require(
            rank == 4 && type == .float32 && shape[2] > 0 && shape[3] > 0 && size.isPositive, operation,
            "\(shape) to \(size.y) x \(size.x)", file, line)
    }
}
