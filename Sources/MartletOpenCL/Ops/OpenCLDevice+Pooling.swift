import MartletCore

extension OpenCLDevice: PoolingOps {
    public func maxPool(_ x: View, into y: View, indices: View, options: PoolingOptions) {
        runPooling("maxPool", PoolingCall(image: x, windows: y, options: options), inputs: [x], outputs: [y, indices]) {
            try poolForward("max_pool", $0, [.tensor(x), .tensor(y), .tensor(indices)])
        }
    }

    public func maxPoolGradient(_ dy: View, indices: View, into dx: View, options: PoolingOptions) {
        let call = PoolingCall(image: dx, windows: dy, options: options)
        runPooling("maxPoolGradient", call, inputs: [dy, indices], outputs: [dx]) {
            try poolGradient("max_pool_gradient", $0, [.tensor(dy), .tensor(indices), .tensor(dx)])
        }
    }

    public func averagePool(_ x: View, into y: View, options: PoolingOptions) {
        runPooling("averagePool", PoolingCall(image: x, windows: y, options: options), inputs: [x], outputs: [y]) {
            try poolForward("average_pool", $0, [.tensor(x), .tensor(y)], divides: true)
        }
    }

    public func averagePoolGradient(_ dy: View, into dx: View, options: PoolingOptions) {
        runPooling("averagePoolGradient", PoolingCall(image: dx, windows: dy, options: options), inputs: [dy], outputs: [dx]) {
            try poolGradient("average_pool_gradient", $0, [.tensor(dy), .tensor(dx)], divides: true)
        }
    }

    public func adaptiveAveragePool(_ x: View, into y: View) {
        runPooling("adaptiveAveragePool", PoolingCall(image: x, windows: y), inputs: [x], outputs: [y]) {
            try poolForward("average_pool", $0, [.tensor(x), .tensor(y)], divides: true)
        }
    }

    public func adaptiveAveragePoolGradient(_ dy: View, into dx: View) {
        runPooling("adaptiveAveragePoolGradient", PoolingCall(image: dx, windows: dy), inputs: [dy], outputs: [dx]) {
            try poolGradient("average_pool_gradient", $0, [.tensor(dy), .tensor(dx)], divides: true)
        }
    }

    public func adaptiveMaxPool(_ x: View, into y: View, indices: View) {
        runPooling("adaptiveMaxPool", PoolingCall(image: x, windows: y), inputs: [x], outputs: [y, indices]) {
            try poolForward("max_pool", $0, [.tensor(x), .tensor(y), .tensor(indices)])
        }
    }

    public func adaptiveMaxPoolGradient(_ dy: View, indices: View, into dx: View) {
        runPooling("adaptiveMaxPoolGradient", PoolingCall(image: dx, windows: dy), inputs: [dy, indices], outputs: [dx]) {
            try poolGradient("max_pool_gradient", $0, [.tensor(dy), .tensor(indices), .tensor(dx)])
        }
    }

    private func runPooling(
        _ op: StaticString, _ call: PoolingCall, inputs: [View], outputs: [View],
        _ body: (PoolingCall) throws -> Void
    ) {
        let views = inputs + outputs
        precondition(
            views.allSatisfy { $0.isContiguous && [call.image, call.windows].contains($0.shape) } && call.isConsistent,
            "\(op): image \(call.image) and windows \(call.windows) do not fit")
        guarded(op, inputs: inputs, outputs: outputs) { try body(call) }
    }

    private func poolForward(_ name: String, _ call: PoolingCall, _ operands: [KernelArgument], divides: Bool = false) throws {
        if divides, call.hasOneWindow, case .tensor(let image) = operands[0], case .tensor(let means) = operands[1] {
            return reduce(.mean, image.reshaped([call.planes, call.imageCount, 1]), into: means.reshaped([call.planes, 1]))
        }
        if deviceClass == .cpuLike {
            var defines = call.cpuDefines
            if streams(call.windowCount * call.planes) { defines["STREAMED"] = 1 }
            let tiled = call.isTiled
            let wanted = cpuItems(elements: call.planes * (call.imageCount + call.windowCount * 4), atMost: Int.max)
            let bands = call.planes >= wanted ? 1 : min((wanted + call.planes - 1) / call.planes, call.windows[2])
            let planesEach = (call.planes + wanted - 1) / wanted
            let kernel = try kernel("PoolingPlanes", tiled ? name + "_tiled" : name, defines)
            try launchItems(
                kernel, (call.planes + planesEach - 1) / planesEach * bands,
                operands + call.arguments(divides: divides && !tiled) + [.size(planesEach), .size(bands)])
        } else if call.options == nil, call.imageCount >= 64 * call.windowCount {
            var defines = call.defines
            defines["VEC"] = 1
            let (kernel, group) = try groupKernel(
                "PoolingWindows", name, defines, wanted: call.imageCount / call.windowCount / 4)
            try launch(
                kernel, global: WorkSize(call.planes * call.windowCount * group), local: WorkSize(group),
                arguments: operands + call.arguments(divides: divides))
        } else {
            try launchItems(
                try kernel("PoolingWindows", name, call.defines), call.planes * call.windowCount,
                operands + call.arguments(divides: divides))
        }
    }

    private func poolGradient(_ name: String, _ call: PoolingCall, _ operands: [KernelArgument], divides: Bool = false) throws {
        let wanted = cpuItems(elements: call.planes * (call.imageCount + call.windowCount * 4), atMost: Int.max)
        // Few planes cannot be shared out whole.
        if deviceClass == .gpuLike || call.planes < min(wanted, properties.computeUnits) {
            let kernel = try kernel("PoolingGathers", name + "_gather", call.defines)
            let (global, local) = planeItems(kernel, rows: call.image[2], columns: call.image[3], planes: call.planes)
            return try launch(kernel, global: global, local: local, arguments: operands + call.arguments(divides: divides))
        }
        let tiled = call.isTiled
        let planesEach = (call.planes + wanted - 1) / wanted
        try launchItems(
            try kernel("PoolingPlanesGradient", tiled ? name + "_tiled" : name, call.cpuDefines),
            (call.planes + planesEach - 1) / planesEach,
            operands + call.arguments(divides: divides && !tiled) + [.size(planesEach)])
    }
}

/// One call of a pooling op or its gradient.
struct PoolingCall {
    /// The larger tensor's shape [n, c, h, w], and that of the windows [n, c, oh, ow].
    let image: [Int]
    let windows: [Int]
    /// nil for adaptive pooling.
    let options: PoolingOptions?

    init(image: View, windows: View, options: PoolingOptions? = nil) {
        self.image = image.shape
        self.windows = windows.shape
        self.options = options
    }

    var planes: Int { image[0] * image[1] }
    var imageCount: Int { image[2] * image[3] }
    var windowCount: Int { windows[2] * windows[3] }

    var isConsistent: Bool {
        guard image.count == 4, windows.count == 4, image[..<2] == windows[..<2] else { return false }
        guard let options else { return true }
        return windowCount == 0 || options.outputSize(image: Pair(image[2], image[3])) == Pair(windows[2], windows[3])
    }

    /// Whether a plane's elements are all one window, and enough of them for a reduction.
    var hasOneWindow: Bool { options == nil && windowCount == 1 && imageCount >= 64 }

    /// Windows of 2 x 2 side by side, all inside the image, and enough of them for a block.
    var isTiled: Bool {
        guard let options, block >= 4 else { return false }
        return options.kernel == 2 && options.stride == 2 && options.padding == 0 && options.dilation == 1
            && windows[2] * 2 <= image[2] && windows[3] * 2 <= image[3]
    }

    /// `BLOCK` in the kernels.
    private var block: Int {
        guard let options else { return 1 }
        let isDense = options.stride.x == 1 || (options.stride.x == 2 && options.dilation.x == 1)
        return switch windows[3] {
        case 16... where isDense: 16
        case 8...: 8
        case 4...: 4
        default: 1
        }
    }

    var defines: Defines {
        var defines: Defines = ["ADAPTIVE": 1]
        if let options {
            defines = [
                "KY": options.kernel.y, "KX": options.kernel.x, "SY": options.stride.y, "SX": options.stride.x,
                "DY": options.dilation.y, "DX": options.dilation.x,
            ]
        }
        if planes * max(imageCount, windowCount) > Int(Int32.max) { defines["FAR"] = 1 }
        return defines
    }

    var cpuDefines: Defines {
        var defines = defines
        if block > 1 { defines["BLOCK"] = block }
        return defines
    }

    func arguments(divides: Bool) -> [KernelArgument] {
        let padding = options?.padding ?? 0
        let shape = [image[2], image[3], windows[2], windows[3], padding.y, padding.x]
        return [.size(planes)] + shape.map { .int($0) } + (divides ? [.int(options?.countsPadding == true ? 1 : 0)] : [])
    }
}
