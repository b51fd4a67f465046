import CMartletImage

/// What pixels can be had from: an image, or a file that is decoded as far as it is asked for.
package protocol PixelSource {
    /// Upright.
    var width: Int { get }
    var height: Int { get }
    /// 1 or 3.
    var channels: Int { get }
    /// Whether parts can be had at 1/2, 1/4 and 1/8 of the size for less than the whole.
    var canReduce: Bool { get }
    /// A part of the image at 1 / `reduction` (1, 2, 4 or 8) of its size, in whose pixels the region is given.
    func part(_ region: ImageRegion, reducedBy reduction: Int) throws(DataError) -> Image
}

extension PixelSource {
    /// The size at 1 / `reduction`, rounded up.
    package func size(reducedBy reduction: Int) -> (width: Int, height: Int) {
        ((width + reduction - 1) / reduction, (height + reduction - 1) / reduction)
    }
}

/// A PNG or JPEG file whose header has been read. Its pixels come when they are asked for, once.
package final class ImageReader: PixelSource {
    package let width: Int
    package let height: Int
    package let channels: Int
    private let file: String
    private let content: UnsafeMutableRawBufferPointer
    private let picture: OpaquePointer
    private let stored: martlet_picture_info

    package var canReduce: Bool { stored.can_reduce != 0 }

    /// Opens a file. Throws one line that names it where it is missing, damaged, too large, or another kind of file.
    package convenience init(_ path: String, upright: Bool = true, pixelLimit: Int = Image.defaultPixelLimit) throws(DataError) {
        let input = try InputFile(path)
        guard input.size <= Image.fileLimit else {
            throw DataError(
                .tooLarge, file: path, problem: "has \(input.size) bytes", remedy: "give a file of at most \(Image.fileLimit)")
        }
        let content = UnsafeMutableRawBufferPointer.allocate(byteCount: input.size, alignment: 16)
        do throws(DataError) {
            try input.read(into: content, at: 0)
        } catch {
            content.deallocate()
            throw error
        }
        try self.init(owning: content, file: path, upright: upright, pixelLimit: pixelLimit)
    }

    /// Opens the content of a file, a copy of which is kept.
    package convenience init(bytes: [UInt8], file: String, upright: Bool, pixelLimit: Int) throws(DataError) {
        let content = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        content.copyBytes(from: bytes)
        try self.init(owning: content, file: file, upright: upright, pixelLimit: pixelLimit)
    }

    private init(owning content: UnsafeMutableRawBufferPointer, file: String, upright: Bool, pixelLimit: Int) throws(DataError) {
        var opened: OpaquePointer?
        var info = martlet_picture_info()
        do throws(DataError) {
            let open = try ImageFormat.opener(for: content, file: file)
            try ImageReader.check(file, pixelLimit) { message in
                open(
                    content.baseAddress?.assumingMemoryBound(to: UInt8.self), content.count, max(pixelLimit, 0), &opened, &info,
                    message)
            }
        } catch {
            content.deallocate()
            throw error
        }
        if !upright { info.orientation = 1 }
        let isSwapped = info.orientation >= 5
        self.file = file
        self.content = content
        picture = opened!
        stored = info
        width = isSwapped ? info.height : info.width
        height = isSwapped ? info.width : info.height
        channels = info.channels
    }

    deinit {
        martlet_picture_close(picture)
        content.deallocate()
    }

    /// The whole image.
    package func image() throws(DataError) -> Image {
        try part(ImageRegion(left: 0, top: 0, width: width, height: height), reducedBy: 1)
    }

    package func part(_ region: ImageRegion, reducedBy reduction: Int) throws(DataError) -> Image {
        let full = size(reducedBy: reduction)
        precondition(region.lies(inWidth: full.width, height: full.height), "ImageReader: \(region) lies outside \(full)")
        let place = storedRegion(region, reducedBy: reduction)
        let count = region.width * region.height * channels
        var failure: DataError?
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            do throws(DataError) {
                try ImageReader.check(file, 0) { message in
                    martlet_picture_read(picture, UInt32(reduction), place, target.baseAddress, message)
                }
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        let image = Image(width: place.width, height: place.height, channels: channels, pixels: pixels)
        return stored.orientation == 1 ? image : image.oriented(Int(stored.orientation))
    }

    /// Where an upright region lies in the picture as stored.
    private func storedRegion(_ region: ImageRegion, reducedBy reduction: Int) -> martlet_region {
        let orientation = stored.orientation
        let isSwapped = orientation >= 5
        var place =
            isSwapped
            ? martlet_region(left: region.top, top: region.left, width: region.height, height: region.width)
            : martlet_region(left: region.left, top: region.top, width: region.width, height: region.height)
        let full = ((stored.width + reduction - 1) / reduction, (stored.height + reduction - 1) / reduction)
        if [2, 3, 7, 8].contains(orientation) { place.left = full.0 - place.left - place.width }
        if [3, 4, 6, 7].contains(orientation) { place.top = full.1 - place.top - place.height }
        return place
    }

    /// Turns a status into an error with its reason.
    private static func check(
        _ file: String, _ pixelLimit: Int, _ body: (UnsafeMutablePointer<CChar>) -> martlet_image_status
    ) throws(DataError) {
        var message = [CChar](repeating: 0, count: Int(MARTLET_IMAGE_MESSAGE_SIZE))
        let status = message.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
        if status == MARTLET_IMAGE_OK { return }
        let reason = message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        switch status {
        case MARTLET_IMAGE_TOO_LARGE:
            throw DataError(
                .tooLarge, file: file, problem: "is an image of \(reason)", remedy: "give one of at most \(pixelLimit) pixels")
        case MARTLET_IMAGE_OUT_OF_MEMORY:
            throw DataError(
                .tooLarge, file: file, problem: "is an image that memory does not suffice for (\(reason))",
                remedy: "give a smaller one")
        case MARTLET_IMAGE_UNSUPPORTED:
            throw DataError(.unsupported, file: file, problem: "is \(reason)", remedy: "give one picture as a PNG or JPEG file")
        default:
            throw DataError(
                .damaged, file: file, problem: "does not decode (\(reason))", remedy: "replace it by a whole PNG or JPEG file")
        }
    }
}
