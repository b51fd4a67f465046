/// How photos of all sizes become samples of one.
public struct ImagePreparation: Sendable, Hashable {
    /// The width and height of a sample.
    public let size: Int
    /// What the shorter side is resized to before the middle is cut out; by default 8/7 of `size`, as 256 is to 224.
    public let shortSide: Int
    /// 3 for RGB, 1 for grey.
    public let channels: Int
    /// Applied to the values in 0...1; nil for none.
    public let normalization: ChannelNormalization?
    /// How photos are resized.
    public let interpolation: Interpolation
    /// Whether large JPEG files are decoded at a half, a quarter or an eighth of their size, as long as that is no smaller than
    /// what is wanted. Faster, and not quite the same values.
    public let decodesFast: Bool
    /// The value of each level in each channel.
    private let levels: [Float]

    /// Throws where a size is out of bounds, or the normalisation does not fit the channels.
    public init(
        size: Int = 224, shortSide: Int? = nil, channels: Int = 3, normalization: ChannelNormalization? = nil,
        interpolation: Interpolation = .bilinear, decodesFast: Bool = false
    ) throws(DataError) {
        try PixelPlanes.check(size: size)
        let side = shortSide ?? Int((Double(size) * 8 / 7).rounded())
        guard side >= size, side <= 2 * PixelPlanes.sizeLimit else {
            throw DataError(
                .setting, problem: "a short side of \(side) pixels for images of \(size)",
                remedy: "give \(size) to \(2 * PixelPlanes.sizeLimit)")
        }
        guard channels == 1 || channels == 3 else {
            throw DataError(.setting, problem: "images of \(channels) channels", remedy: "give 1 (grey) or 3 (RGB)")
        }
        try normalization?.check(channels: channels)
        self.size = size
        self.shortSide = side
        self.channels = channels
        self.normalization = normalization
        self.interpolation = interpolation
        self.decodesFast = decodesFast
        levels = Image.levels(planes: channels, normalization)
    }

    /// Values in one sample.
    public var sampleSize: Int { channels * size * size }

    /// Throws where an image of this size is no photo: a pixel wide, or far longer than wide.
    func check(width: Int, height: Int, file: String) throws(DataError) {
        let short = min(width, height), long = max(width, height)
        let reason: String
        if short == 1 || shortSide > 64 * short {
            reason = "too small to be brought to \(shortSide)"
        } else if long / short > 64 {
            // The longer side grows along.
            reason = "too long for its width"
        } else {
            return
        }
        throw DataError(
            .unsupported, file: file, problem: "is an image of \(width) x \(height) pixels, \(reason)",
            remedy: "replace or remove it")
    }

    /// Writes an image as a sample [channels, size, size]: converted, resized to `shortSide`, the middle cut out, normalised.
    public func prepare(_ image: Image, file: String, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        try prepareMiddle(of: image, file: file, into: buffer)
    }

    /// The same of any source of pixels, of which no more than what is needed is read.
    package func prepareMiddle(of source: some PixelSource, file: String, into buffer: UnsafeMutableBufferPointer<Float>)
        throws(DataError)
    {
        let whole = try resizedPart(of: source, file: file, middle: size)
        whole.write(to: buffer, planes: channels, levels: levels)
    }

    /// Writes a region of an image, resized to the sample's size.
    package func prepare(
        _ region: ImageRegion, of source: some PixelSource, interpolation: Interpolation,
        into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(DataError) {
        let reduction = reduction(of: source, from: (region.width, region.height), to: size)
        let full = source.size(reducedBy: reduction)
        var part = region
        if reduction > 1 {
            part.left = region.left / reduction
            part.top = region.top / reduction
            part.width = min((region.width + reduction - 1) / reduction, full.width - part.left)
            part.height = min((region.height + reduction - 1) / reduction, full.height - part.top)
        }
        let image = try source.part(part, reducedBy: reduction)
        adapted(image).resized(width: size, height: size, interpolation: interpolation)
            .write(to: buffer, planes: channels, levels: levels)
    }

    /// Writes ten crops [10, channels, size, size]: the corners and the middle of the resized image, and those of the mirrored one.
    package func prepareTenCrops(of source: some PixelSource, file: String, into buffer: UnsafeMutableBufferPointer<Float>)
        throws(DataError)
    {
        let whole = try resizedPart(of: source, file: file, middle: nil)
        let right = whole.width - size, bottom = whole.height - size
        let corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        let middle = (Image.margin(whole.width, size), Image.margin(whole.height, size))
        var position = 0
        for image in [whole, whole.flippedHorizontally()] {
            for place in corners + [middle] {
                let range = position * sampleSize..<(position + 1) * sampleSize
                image.cropped(left: place.0, top: place.1, width: size, height: size)
                    .write(to: UnsafeMutableBufferPointer(rebasing: buffer[range]), planes: channels, levels: levels)
                position += 1
            }
        }
    }

    /// The source resized so that its shorter side has `shortSide` pixels: all of it, or `middle` x `middle` pixels in its middle.
    private func resizedPart(of source: some PixelSource, file: String, middle: Int?) throws(DataError) -> Image {
        try check(width: source.width, height: source.height, file: file)
        let target = Image.size(width: source.width, height: source.height, shortSide: shortSide)
        let reduction = reduction(of: source, from: (source.width, source.height), to: shortSide)
        let from = source.size(reducedBy: reduction)
        func axis(_ source: Int, _ target: Int) -> ResizeAxis {
            ResizeAxis(
                source: source, target: target, first: middle.map { Image.margin(target, $0) } ?? 0, count: middle ?? target)
        }
        let across = axis(from.width, target.width), down = axis(from.height, target.height)
        let (left, width) = across.reach(interpolation), (top, height) = down.reach(interpolation)
        let part = try source.part(ImageRegion(left: left, top: top, width: width, height: height), reducedBy: reduction)
        return adapted(part).resized(across: across, down: down, left: left, top: top, interpolation)
    }

    /// In grey where that is wanted. Of a grey image the values are spread over all channels when they are written.
    private func adapted(_ image: Image) -> Image { channels == 1 ? image.grayscale() : image }

    /// How far a part of a source may be reduced so that its shorter side keeps `wanted` pixels.
    private func reduction(of source: some PixelSource, from size: (width: Int, height: Int), to wanted: Int) -> Int {
        guard decodesFast, source.canReduce else { return 1 }
        return [8, 4, 2].first { min(size.width, size.height) / $0 >= wanted } ?? 1
    }
}

extension ImagePreparation {
    /// An image as a sample [channels, size, size], as `prepare` makes it.
    public func sample(of image: Image, file: String) throws(DataError) -> [Float] { try sample(from: image, file: file) }

    /// An image file as a sample [channels, size, size], of which no more than what is needed is decoded.
    public func sample(file: String) throws(DataError) -> [Float] { try sample(from: ImageReader(file), file: file) }

    private func sample(from source: some PixelSource, file: String) throws(DataError) -> [Float] {
        var values = [Float](repeating: 0, count: sampleSize)
        var failure: DataError?
        values.withUnsafeMutableBufferPointer { buffer in
            do throws(DataError) { try prepareMiddle(of: source, file: file, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }
}
