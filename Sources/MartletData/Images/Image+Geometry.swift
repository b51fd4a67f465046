import CMartletImage

extension Image {
    /// Resized bilinearly with antialiasing, in Pillow's fixed-point arithmetic: the width first: the same levels as
    /// its `resize(size, BILINEAR)`, or one off where Pillow 13 begins with the height.
    public func resized(width newWidth: Int, height newHeight: Int) -> Image {
        precondition(newWidth > 0 && newHeight > 0, "resized: \(newWidth) x \(newHeight) pixels")
        guard newWidth != width || newHeight != height else { return self }
        let count = newWidth * newHeight * channels
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            let done = martlet_image_resize(pixels, width, height, channels, target.baseAddress, newWidth, newHeight)
            precondition(done != 0, "resized: out of memory for \(newWidth) x \(newHeight) pixels")
            initialized = count
        }
        return Image(width: newWidth, height: newHeight, channels: channels, pixels: result)
    }

    /// Resized so that the shorter side has `side` pixels and the longer one keeps the proportion (cut to whole pixels).
    public func resized(shortSide side: Int) -> Image {
        precondition(side > 0, "resized(shortSide:): \(side) pixels")
        return width <= height
            ? resized(width: side, height: max(side * height / width, side))
            : resized(width: max(side * width / height, side), height: side)
    }

    /// The part in the middle. Where the image is smaller, zeros stand around it.
    public func centerCropped(width newWidth: Int, height newHeight: Int) -> Image {
        // Halves go to the even side, as Python's round has it.
        let left = Int((Double(width - newWidth) / 2).rounded(.toNearestOrEven))
        let top = Int((Double(height - newHeight) / 2).rounded(.toNearestOrEven))
        return cropped(left: left, top: top, width: newWidth, height: newHeight)
    }

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
