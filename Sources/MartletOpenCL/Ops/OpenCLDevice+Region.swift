import MartletCore

extension OpenCLDevice: RegionOps {
    public func regionPool(_ x: View, boxes: View, into y: View, indices: View, options: RegionPoolingOptions) {
        let call = RegionCall("regionPool", image: x, boxes: boxes, parts: y, scale: options.scale)
        guarded("regionPool", inputs: [x, boxes], outputs: [y, indices]) {
            try forward("RegionPooling", "region_pool", call, x, [.tensor(boxes), .tensor(y), .tensor(indices)])
        }
    }

    public func regionPoolGradient(_ dy: View, boxes: View, indices: View, into dx: View, options: RegionPoolingOptions) {
        let call = RegionCall("regionPoolGradient", image: dx, boxes: boxes, parts: dy, scale: options.scale)
        guarded("regionPoolGradient", inputs: [dy, boxes, indices], outputs: [dx]) {
            let kernel = try kernel("RegionPooling", "region_pool_gradient", call.defines)
            let operands: [KernelArgument] = [.tensor(dy), .tensor(boxes), .tensor(indices), .tensor(dx)] + call.arguments
            guard deviceClass == .cpuLike else { return try launchItems(kernel, dx.count, operands) }
            let planes = dx.shape[0] * dx.shape[1]
            let items = cpuItems(elements: dx.count + dy.count * 4, atMost: planes)
            let each = (planes + items - 1) / items
            try launchItems(kernel, (planes + each - 1) / each, operands + [.size(each)])
        }
    }

    public func regionAlign(_ x: View, boxes: View, into y: View, options: RegionAlignOptions) {
        let call = RegionCall("regionAlign", image: x, boxes: boxes, parts: y, options)
        guarded("regionAlign", inputs: [x, boxes], outputs: [y]) {
            try forward("RegionAlignment", "region_align", call, x, [.tensor(boxes), .tensor(y)])
        }
    }

    public func regionAlignGradient(_ dy: View, boxes: View, into dx: View, options: RegionAlignOptions) {
        let call = RegionCall("regionAlignGradient", image: dx, boxes: boxes, parts: dy, options)
        guarded("regionAlignGradient", inputs: [dy, boxes], outputs: [dx]) {
            let kernel = try kernel("RegionAlignment", "region_align_gradient", call.defines)
            guard deviceClass == .cpuLike else {
                return try launchItems(kernel, dx.count, [.tensor(dy), .tensor(boxes), .tensor(dx)] + call.arguments)
            }
            let packed = try scratch(byteCount: call.packedFloats * 4)
            try launchItems(kernel, call.blocks, [.tensor(dy), .tensor(boxes), .buffer(packed)] + call.arguments)
            try arrange("region_unpack", call, [.buffer(packed), .tensor(dx)])
        }
    }

    private func forward(
        _ family: String, _ name: String, _ call: RegionCall, _ x: View, _ operands: [KernelArgument]
    ) throws {
        let kernel = try kernel(family, name, call.defines)
        guard deviceClass == .cpuLike else {
            return try launchItems(kernel, call.parts.reduce(1, *), [.tensor(x)] + operands + call.arguments)
        }
        let packed = try scratch(byteCount: call.packedFloats * 4)
        try arrange("region_pack", call, [.tensor(x), .buffer(packed)])
        let work = call.channelBlocks * call.parts[0]
        let items = cpuItems(elements: work * call.parts[2] * call.parts[3] * 64, atMost: work)
        let each = (work + items - 1) / items
        try launchItems(kernel, (work + each - 1) / each, [.buffer(packed)] + operands + call.arguments + [.size(each)])
    }

    private func arrange(_ name: String, _ call: RegionCall, _ operands: [KernelArgument]) throws {
        let positions = call.image[2] * call.image[3], count = call.blocks * positions
        guard count > 0 else { return }
        let items = cpuItems(elements: count * 16, atMost: count), each = (count + items - 1) / items
        try launchItems(
            try kernel("RegionBlocks", name), (count + each - 1) / each,
            operands + [.int(call.image[1]), .size(positions), .size(count), .size(each)])
    }
}

/// One call of a region op or its gradient.
private struct RegionCall {
    /// The image's shape [n, c, h, w] and the parts' [k, c, rows, columns].
    let image: [Int], parts: [Int]
    let scale: Float
    let defines: Defines

    init(
        _ op: StaticString, image: View, boxes: View, parts: View, scale: Float, defines: Defines = [:]
    ) {
        precondition(
            image.rank == 4 && parts.rank == 4 && boxes.shape == [parts.shape[0], 5] && image.shape[1] == parts.shape[1]
                && image.isContiguous && boxes.isContiguous && parts.isContiguous,
            "\(op): image \(image.shape), boxes \(boxes.shape) and parts \(parts.shape) do not fit")
        self.image = image.shape
        self.parts = parts.shape
        self.scale = scale
        var defines = defines
        if max(image.count, parts.count) > Int(Int32.max) { defines["FAR"] = 1 }
        self.defines = defines
    }

    init(_ op: StaticString, image: View, boxes: View, parts: View, _ options: RegionAlignOptions) {
        self.init(
            op, image: image, boxes: boxes, parts: parts, scale: options.scale,
            defines: ["ALIGNED": options.aligned ? 1 : 0, "SAMPLING": options.samplingRatio])
    }

    /// Of sixteen channels, in an image and in all.
    var channelBlocks: Int { (image[1] + 15) / 16 }
    var blocks: Int { image[0] * channelBlocks }
    var packedFloats: Int { blocks * image[2] * image[3] * 16 }

    /// `REGION_ARGUMENTS`.
    var arguments: [KernelArgument] {
        image.map { .int($0) } + [.size(parts[0]), .int(parts[2]), .int(parts[3]), .float(scale)]
    }
}
