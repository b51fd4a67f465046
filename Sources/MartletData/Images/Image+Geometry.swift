import CMartletImage

extension Image {
    /// Resized with antialiasing, in Pillow's fixed-point arithmetic, the width first: the same levels as its
    /// `resize(size, BILINEAR)` and so on, or one off where Pillow 13 begins with the height.
    public func resized(width newWidth: Int, height newHeight: Int, interpolation: Interpolation = .bilinear) -> Image {
        precondition(newWidth > 0 && newHeight > 0, "resized: \(newWidth) x \(newHeight) pixels")
        guard newWidth != width || newHeight != height else { return self }
        return resized(
            across: ResizeAxis(source: width, target: newWidth, first: 0, count: newWidth),
            down: ResizeAxis(source: height, target: newHeight, first: 0, count: newHeight), left: 0, top: 0, interpolation)
    }

    /// A part of the resize of a larger image, of which this one is the part from `left`, `top` on.
    func resized(across: ResizeAxis, down: ResizeAxis, left: Int, top: Int, _ interpolation: Interpolation) -> Image {
        if across.source == across.target, down.source == down.target, across.count == width, down.count == height { return self }
        let count = across.count * down.count * channels
        let have = martlet_region(left: left, top: top, width: width, height: height)
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            let done = martlet_image_resize(
                pixels, have, channels, across.axis, down.axis, interpolation.filter, target.baseAddress)
            precondition(done != 0, "resized: out of memory for \(across.count) x \(down.count) pixels")
            initialized = count
        }
        return Image(width: across.count, height: down.count, channels: channels, pixels: result)
    }

    /// Resized so that the shorter side has `side` pixels and the longer one keeps the proportion (cut to whole pixels).
    public func resized(shortSide side: Int, interpolation: Interpolation = .bilinear) -> Image {
        let size = Image.size(width: width, height: height, shortSide: side)
        return resized(width: size.width, height: size.height, interpolation: interpolation)
    }

    /// The size of an image resized so that the shorter side has `side` pixels.
    static func size(width: Int, height: Int, shortSide side: Int) -> (width: Int, height: Int) {
        precondition(side > 0, "resized(shortSide:): \(side) pixels")
        return width <= height ? (side, max(side * height / width, side)) : (max(side * width / height, side), side)
    }

    /// The part in the middle. Where the image is smaller, zeros stand around it.
    public func centerCropped(width newWidth: Int, height newHeight: Int) -> Image {
        cropped(
            left: Image.margin(width, newWidth), top: Image.margin(height, newHeight), width: newWidth, height: newHeight)
    }

    /// What stands before the middle part of a length. Halves go to the even side, as Python's round has it.
    static func margin(_ length: Int, _ part: Int) -> Int { Int((Double(length - part) / 2).rounded(.toNearestOrEven)) }

    /// A part, which may reach beyond the image, where it is zero.
    public func cropped(left: Int, top: Int, width newWidth: Int, height newHeight: Int) -> Image {
        precondition(newWidth > 0 && newHeight > 0, "cropped: \(newWidth) x \(newHeight) pixels")
        var result = Image(width: newWidth, height: newHeight, channels: channels)
        let columns = max(left, 0)..<max(min(left + newWidth, width), max(left, 0))
        for y in max(top, 0)..<max(min(top + newHeight, height), max(top, 0)) {
            let source = (y * width + columns.lowerBound) * channels
            let target = ((y - top) * newWidth + columns.lowerBound - left) * channels
            let length = columns.count * channels
            result.pixels.replaceSubrange(target..<target + length, with: pixels[source..<source + length])
        }
        return result
    }

    /// Mirrored left to right.
    public func flippedHorizontally() -> Image { oriented(2) }

    /// Mirrored top to bottom.
    public func flippedVertically() -> Image { oriented(4) }

    /// Turned upright from an EXIF orientation, 1 to 8.
    public func oriented(_ orientation: Int) -> Image {
        precondition((1...8).contains(orientation), "oriented: there is no orientation \(orientation)")
        let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, initialized in
            martlet_image_orient(pixels, width, height, channels, Int32(orientation), target.baseAddress)
            initialized = pixels.count
        }
        let isSwapped = orientation >= 5
        return Image(width: isSwapped ? height : width, height: isSwapped ? width : height, channels: channels, pixels: result)
    }
}

extension Image: PixelSource {
    package var canReduce: Bool { false }

    package func part(_ region: ImageRegion, reducedBy reduction: Int) -> Image {
        precondition(reduction == 1 && region.lies(inWidth: width, height: height), "Image: \(region) of \(width) x \(height)")
        if region.width == width, region.height == height { return self }
        return cropped(left: region.left, top: region.top, width: region.width, height: region.height)
    }
}
