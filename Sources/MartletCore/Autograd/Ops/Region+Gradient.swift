extension Tensor {
    /// The largest of each part of regions of [n, c, h, w]: [k, c, rows, columns]. RoI pooling with its rounding, as in
    /// Girshick, "Fast R-CNN", 2015, and torchvision's `roi_pool`.
    ///
    /// - Parameter boxes: [k, 5], each an image's number in the batch, then x1, y1, x2, y2. They get no gradient.
    public func regionPooled(
        _ boxes: Tensor, _ options: RegionPoolingOptions, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        requireRegions("regionPooled", boxes, options.size, options.scale, file, line)
        let device = Tensor.commonDevice([self, boxes], "regionPooled", file, line), source = shape
        let result = Tensor(empty: [boxes.shape[0], shape[1], options.size.y, options.size.x], on: device)
        let indices = Tensor(empty: result.shape, type: .int32, on: device)
        let places = boxes.contiguousView(on: device)
        if result.count > 0 {
            device.regionPool(
                contiguousView(on: device), boxes: places, into: result.view(on: device), indices: indices.view(on: device),
                options: options)
        }
        return result.recorded([self]) { dy, _ in
            [
                Tensor(filling: source, on: device, zero: dy.count == 0) {
                    device.regionPoolGradient(
                        dy.contiguousView(on: device), boxes: places, indices: indices.view(on: device), into: $0,
                        options: options)
                }
            ]
        }
    }

    /// The average over samples of each part of regions of [n, c, h, w]: [k, c, rows, columns]. RoI align, as torchvision's
    /// `roi_align`.
    ///
    /// - Parameter boxes: [k, 5], each an image's number in the batch, then x1, y1, x2, y2. They get no gradient.
    public func regionAligned(
        _ boxes: Tensor, _ options: RegionAlignOptions, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        requireRegions("regionAligned", boxes, options.size, options.scale, file, line)
        require(
            (0...1024).contains(options.samplingRatio), "regionAligned", "a sampling ratio of \(options.samplingRatio)", file,
            line)
        let device = Tensor.commonDevice([self, boxes], "regionAligned", file, line), source = shape
        let result = Tensor(empty: [boxes.shape[0], shape[1], options.size.y, options.size.x], on: device)
        let places = boxes.contiguousView(on: device)
        if result.count > 0 {
            device.regionAlign(contiguousView(on: device), boxes: places, into: result.view(on: device), options: options)
        }
        return result.recorded([self]) { dy, _ in
            [
                Tensor(filling: source, on: device, zero: dy.count == 0) {
                    device.regionAlignGradient(dy.contiguousView(on: device), boxes: places, into: $0, options: options)
                }
            ]
        }
    }

    /// Parts of images [n, c, h, w], each brought to one size with `context` pixels of the result on every side showing what
    /// lies around the box: [k, c, rows, columns]. Samples between pixels are averaged, as many as a pixel of the result
    /// covers; what lies outside the image is `fill`. Girshick et al., "Rich feature hierarchies", 2014, appendix A.
    ///
    /// - Parameter boxes: [k, 5], each an image's number in the batch, then x1, y1, x2, y2.
    public func cropped(
        _ boxes: Tensor, to size: Pair, context: Int = 0, fill: Float = 0, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        require(
            context >= 0 && 2 * context < Swift.min(size.y, size.x), "cropped", "\(context) pixels of context in \(size)", file,
            line)
        requireRegions("cropped", boxes, size, 1, file, line)
        var boxes = boxes.detached
        if context > 0 {
            func grown(_ low: Int, _ extent: Int) -> (Tensor, Tensor) {
                let a = boxes.sliced(axis: 1, low..<low + 1), b = boxes.sliced(axis: 1, low + 2..<low + 3)
                let margin = (b - a) * (Float(context) / Float(extent - 2 * context))
                return (a - margin, b + margin)
            }
            let (x1, x2) = grown(1, size.x), (y1, y2) = grown(2, size.y)
            boxes = concatenate([boxes.sliced(axis: 1, 0..<1), x1, y1, x2, y2], axis: 1)
        }
        let options = RegionAlignOptions(size: size, aligned: true)
        if fill == 0 { return regionAligned(boxes, options, file: file, line: line) }
        return (self - fill).regionAligned(boxes, options, file: file, line: line) + fill
    }

    private func requireRegions(
        _ operation: String, _ boxes: Tensor, _ size: Pair, _ scale: Float, _ file: StaticString, _ line: UInt
    ) {
        require(
            rank == 4 && type == .float32 && shape[2] > 0 && shape[3] > 0 && shape[2] * shape[3] <= Int(Int32.max), operation,
            "[n, c, h, w] wanted, not \(shape)", file, line)
        require(
            boxes.rank == 2 && boxes.shape[1] == 5 && boxes.type == .float32, operation,
            "boxes [k, 5] wanted, not \(boxes.shape)", file, line)
        require(
            size.isPositive && scale > 0 && scale.isFinite, operation, "to \(size.y) x \(size.x) at a scale of \(scale)", file,
            line)
    }
}

/// Boxes that stay after suppression. How many is known on the device only: `indices` has a fixed length, of which the first
/// `count` matter.
public struct KeptBoxes {
    /// [capacity] int32: the boxes' numbers by decreasing score, then -1, which `gathered` reads as NaN.
    public let indices: Tensor
    /// [1] int32.
    public let count: Tensor

    /// The numbers on the host. Waits for the device.
    public func numbers() throws -> [Int] {
        let count = Int(try count.integers()[0])
        return try indices.integers().prefix(count).map(Int.init)
    }
}

/// Non-maximum suppression on the device: of boxes [n, 4] (x1, y1, x2, y2) those that no box of a higher score that stays
/// overlaps by more than `threshold` (intersection over union), by decreasing score; of equal scores the first. The same
/// indices as torchvision's `nms` and, with groups, `batched_nms`.
///
/// - Parameters:
///   - groups: [n] int32; boxes of different groups (classes, or images, or both) leave each other alone. nil: one group.
///   - capacity: how many stay at most; all where nil.
public func nonMaximumSuppression(
    _ boxes: Tensor, scores: Tensor, groups: Tensor? = nil, threshold: Double, capacity: Int? = nil,
    file: StaticString = #fileID, line: UInt = #line
) -> KeptBoxes {
    let operation = "nonMaximumSuppression", n = scores.count
    require(
        boxes.rank == 2 && boxes.shape == [n, 4] && scores.rank == 1 && boxes.type == .float32 && scores.type == .float32,
        operation, "boxes \(boxes.shape) and scores \(scores.shape)", file, line)
    require(
        groups.map { $0.shape == [n] && $0.type == .int32 } ?? true, operation,
        "int32 groups [\(n)] wanted, not \(groups?.shape ?? [])", file, line)
    require(capacity.map { $0 >= 0 } ?? true, operation, "a capacity of \(capacity ?? 0)", file, line)
    require(!threshold.isNaN, operation, "a threshold that is NaN", file, line)
    let device = Tensor.commonDevice([boxes, scores] + (groups.map { [$0] } ?? []), operation, file, line)
    let length = min(capacity ?? n, n)
    let indices = Tensor(empty: [length], type: .int32, on: device)
    guard length > 0 else { return KeptBoxes(indices: indices, count: Tensor([Int32(0)])) }
    let count = Tensor(empty: [1], type: .int32, on: device)
    let order = withoutGradients { scores.detached.sorted(descending: true).indices }
    // The largest float not above the threshold: a float is above the one where it is above the other.
    var limit = Float(threshold)
    if Double(limit) > threshold { limit = limit.nextDown }
    device.suppress(
        boxes.contiguousView(on: device), order: order.view(on: device), groups: groups?.contiguousView(on: device),
        threshold: limit, into: indices.view(on: device), count: count.view(on: device))
    return KeptBoxes(indices: indices, count: count)
}
