import MartletCore

extension OpenCLDevice: RegionOps {
    public func regionPool(_ x: View, boxes: View, into y: View, indices: View, options: RegionPoolingOptions) {
        let call = RegionCall("regionPool", image: x, boxes: boxes, parts: y, scale: options.scale)
        guarded("regionPool", inputs: [x, boxes], outputs: [y, indices]) {
            try forward("region_pool", call, x, [.tensor(boxes), .tensor(y), .tensor(indices)])
        }
    }

    public func regionPoolGradient(_ dy: View, boxes: View, indices: View, into dx: View, options: RegionPoolingOptions) {
        let call = RegionCall("regionPoolGradient", image: dx, boxes: boxes, parts: dy, scale: options.scale)
        guarded("regionPoolGradient", inputs: [dy, boxes, indices], outputs: [dx]) {
            let kernel = try kernel("Region", "region_pool_gradient")
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
            try forward("region_align", call, x, [.tensor(boxes), .tensor(y)])
        }
    }

    public func regionAlignGradient(_ dy: View, boxes: View, into dx: View, options: RegionAlignOptions) {
        let call = RegionCall("regionAlignGradient", image: dx, boxes: boxes, parts: dy, options)
        guarded("regionAlignGradient", inputs: [dy, boxes], outputs: [dx]) {
            let kernel = try kernel("Region", "region_align_gradient", call.defines)
            guard deviceClass == .cpuLike else {
                return try launchItems(kernel, dx.count, [.tensor(dy), .tensor(boxes), .tensor(dx)] + call.arguments)
            }
            let packed = try scratch(byteCount: call.packedFloats * 4)
            try launchItems(kernel, call.blocks, [.tensor(dy), .tensor(boxes), .buffer(packed)] + call.arguments)
            try arrange("region_unpack", call, [.buffer(packed), .tensor(dx)])
        }
    }

    public func suppress(_ boxes: View, order: View, groups: View?, threshold: Float, into kept: View, count: View) {
        precondition(
            boxes.shape == [order.count, 4] && kept.count >= 1 && kept.count <= order.count && boxes.isContiguous
                && order.isContiguous && groups?.isContiguous ?? true,
            "suppress: boxes \(boxes.shape), order \(order.shape) and kept \(kept.shape) do not fit")
        guarded("suppress", inputs: [boxes, order] + (groups.map { [$0] } ?? []), outputs: [kept, count]) {
            let n = order.count, blocks = (n + 63) / 64, padded = blocks * 64
            let side = try scratch(byteCount: padded * 5 * 4), group = try scratch(byteCount: padded * 4)
            let gone = try scratch(byteCount: padded * 4), masks = try scratch(byteCount: padded * 8)
            let stays = try scratch(byteCount: blocks * 8)
            try launchItems(
                try kernel("Region", "suppress_begin"), padded,
                [
                    .tensor(boxes), .tensor(order), .tensor(groups ?? order), .int(groups == nil ? 0 : 1), .buffer(side),
                    .buffer(group), .buffer(gone), .size(n), .size(padded), .tensor(kept), .size(kept.count),
                ])
            let isWide = deviceClass == .cpuLike
            let masked = isWide ? 256 : 1
            try launchItems(
                try kernel("Region", "suppress_masks"), (padded + masked - 1) / masked,
                [.buffer(side), .buffer(group), .buffer(masks), .size(padded), .float(threshold), .size(masked)])
            let spread = try kernel("Region", "suppress_spread")
            for block in 0..<blocks {
                let after = padded - (block + 1) * 64
                let items = isWide ? max(min(after / 512, properties.computeUnits * 2), 1) : max(after, 1)
                let each = max(roundUp((after + items - 1) / items, to: isWide ? 16 : 1), 1)
                try launchItems(
                    spread, max((after + each - 1) / each, 1),
                    [
                        .buffer(side), .buffer(group), .buffer(gone), .buffer(masks), .buffer(stays), .size(padded),
                        .size(block), .float(threshold), .size(each),
                    ])
            }
            try launchItems(
                try kernel("Region", "suppress_collect"), blocks,
                [.buffer(stays), .tensor(order), .tensor(kept), .tensor(count), .size(blocks), .size(kept.count)])
        }
    }

    private func forward(_ name: String, _ call: RegionCall, _ x: View, _ operands: [KernelArgument]) throws {
        let kernel = try kernel("Region", name, call.defines)
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
            try kernel("Region", name), (count + each - 1) / each,
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
