import CMartletCPU
import MartletCore

/// Regions: tasks own sixteen channels of an image and a range of boxes, gradients an image's channels with all its boxes.
extension CPUDevice {
    public func regionPool(_ x: View, boxes: View, into y: View, indices: View, options: RegionPoolingOptions) {
        guard begin(reading: [x, boxes], writing: [y, indices]) else { return }
        let regions = martlet_regions(image: x, parts: y, scale: options.scale)
        let (source, places, result, positions) = (x.floats, boxes.floats, y.floats, indices.ints)
        markAbsent(regions, places, result, positions)
        blocks(regions, for: [y, indices]) { regions, image, channel, boxes, scratch in
            martlet_region_pool(regions, source, places, result, positions, image, channel, boxes.low, boxes.high, scratch)
        }
    }

    public func regionPoolGradient(_ dy: View, boxes: View, indices: View, into dx: View, options: RegionPoolingOptions) {
        guard begin(reading: [dy, boxes, indices], writing: [dx]) else { return }
        let regions = martlet_regions(image: dx, parts: dy, scale: options.scale)
        let (gradient, places, positions, result) = (dy.floats, boxes.floats, indices.ints, dx.floats)
        let work = regions.height * regions.width + regions.boxes * regions.rows * regions.columns
        withUnsafePointer(to: regions) { regions in
            pool.run(over: dx.shape[0] * dx.shape[1], grain: max(1, 32768 / Int(work)), perWorker: 4) { planes, _ in
                martlet_region_pool_gradient(regions, gradient, places, positions, result, planes.low, planes.high)
            }
        }
    }

    public func regionAlign(_ x: View, boxes: View, into y: View, options: RegionAlignOptions) {
        guard begin(reading: [x, boxes], writing: [y]) else { return }
        let regions = martlet_regions(image: x, parts: y, options)
        let (source, places, result) = (x.floats, boxes.floats, y.floats)
        markAbsent(regions, places, result, nil)
        blocks(regions, for: [y]) { regions, image, channel, boxes, scratch in
            martlet_region_align(regions, source, places, result, image, channel, boxes.low, boxes.high, scratch)
        }
    }

    public func regionAlignGradient(_ dy: View, boxes: View, into dx: View, options: RegionAlignOptions) {
        guard begin(reading: [dy, boxes], writing: [dx]) else { return }
        let regions = martlet_regions(image: dx, parts: dy, options)
        let (gradient, places, result) = (dy.floats, boxes.floats, dx.floats)
        blocks(regions, for: [dx], sharesBoxes: false) { regions, image, channel, _, scratch in
            martlet_region_align_gradient(regions, gradient, places, result, image, channel, scratch)
        }
    }

    public func suppress(_ boxes: View, order: View, groups: View?, threshold: Float, into kept: View, count: View) {
        guard begin(reading: [boxes, order] + (groups.map { [$0] } ?? []), writing: [kept, count]) else { return }
        let n = order.count, capacity = kept.count, step = martlet_suppress_block
        let blocks = (n + step - 1) / step, padded = blocks * step
        guard let memory = scratch(floats: padded * martlet_suppress_columns, for: [kept, count]) else { return }
        defer { withExtendedLifetime(memory) {} }
        let columns = memory.pointer.assumingMemoryBound(to: Float.self)
        let (places, sequence, numbers) = (boxes.floats, order.ints, kept.ints)
        martlet_suppress_begin(places, sequence, groups?.ints, Int64(n), Int64(padded), columns)
        var found = 0
        for block in 0..<blocks where found < capacity {
            let stays = martlet_suppress_block_kept(columns, Int64(padded), Int64(block), threshold)
            var rest = stays
            while rest != 0, found < capacity {
                numbers[found] = sequence[block * step + rest.trailingZeroBitCount]
                rest &= rest - 1
                found += 1
            }
            let after = (block + 1) * step
            pool.run(over: padded - after, grain: 1024, perWorker: 2, alignment: 16) { range, _ in
                martlet_suppress_spread(
                    columns, Int64(padded), Int64(block), stays, threshold, Int64(after) + range.low, Int64(after) + range.high)
            }
        }
        count.ints[0] = Int32(found)
        for position in found..<capacity { numbers[position] = -1 }
    }

    private func markAbsent(
        _ regions: martlet_regions, _ boxes: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
        _ indices: UnsafeMutablePointer<Int32>?
    ) {
        withUnsafePointer(to: regions) { martlet_region_absent($0, boxes, y, indices, 0, regions.boxes) }
    }

    private func blocks(
        _ regions: martlet_regions, for outputs: [View], sharesBoxes: Bool = true,
        _ body: (UnsafePointer<martlet_regions>, Int64, Int64, Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) {
        withUnsafePointer(to: regions) { pointer in
            let each = Int(martlet_region_scratch(pointer)), boxes = Int(regions.boxes)
            let groups = Int(regions.channels + 15) / 16, whole = Int(regions.images) * groups
            // Boxes are shared out only where there are few blocks: each share arranges the block anew.
            let wanted = sharesBoxes ? max(1, min(pool.threads * 2 / max(whole, 1), boxes / 8)) : 1
            guard let memory = scratch(floats: pool.threads * each, for: outputs) else { return }
            defer { withExtendedLifetime(memory) {} }
            let base = memory.pointer.assumingMemoryBound(to: Float.self)
            pool.run(whole * wanted) { task, worker in
                let block = task / wanted, share = task % wanted
                body(
                    pointer, Int64(block / groups), Int64(block % groups * 16),
                    boxes * share / wanted..<boxes * (share + 1) / wanted,
                    base + worker * each)
            }
        }
    }
}

extension martlet_regions {
    init(image: View, parts: View, scale: Float, sampling: Int = 0, aligned: Bool = false) {
        self.init(
            images: Int64(image.shape[0]), channels: Int64(image.shape[1]), height: Int64(image.shape[2]),
            width: Int64(image.shape[3]), boxes: Int64(parts.shape[0]), rows: Int64(parts.shape[2]),
            columns: Int64(parts.shape[3]), scale: scale, sampling: Int64(sampling), aligned: aligned ? 1 : 0)
    }

    init(image: View, parts: View, _ options: RegionAlignOptions) {
        self.init(image: image, parts: parts, scale: options.scale, sampling: options.samplingRatio, aligned: options.aligned)
    }
}
