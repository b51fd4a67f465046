import MartletCore

/// The part of `RegionOps` that settles which boxes stay.
extension OpenCLDevice {
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
                try kernel("Suppression", "suppress_begin"), padded,
                [
                    .tensor(boxes), .tensor(order), .tensor(groups ?? order), .int(groups == nil ? 0 : 1), .buffer(side),
                    .buffer(group), .buffer(gone), .size(n), .size(padded), .tensor(kept), .size(kept.count),
                ])
            let isWide = deviceClass == .cpuLike
            let masked = isWide ? 256 : 1
            try launchItems(
                try kernel("Suppression", "suppress_masks"), (padded + masked - 1) / masked,
                [.buffer(side), .buffer(group), .buffer(masks), .size(padded), .float(threshold), .size(masked)])
            let spread = try kernel("Suppression", "suppress_spread")
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
                try kernel("Suppression", "suppress_collect"), blocks,
                [.buffer(stays), .tensor(order), .tensor(kept), .tensor(count), .size(blocks), .size(kept.count)])
        }
    }
}
