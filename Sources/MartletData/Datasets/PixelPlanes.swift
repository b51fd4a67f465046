/// Images of one size as bytes, row-major in [n, c, h, w], on their way into a data set.
struct PixelPlanes {
    var values: [UInt8]
    var count: Int
    var channels: Int
    var height: Int
    var width: Int

    /// The largest width and height that images are resized to.
    static let sizeLimit = 4096
    /// The most bytes that resized images may take, 16 GiB.
    static let memoryLimit = 1 << 34

    /// The data set, resized (bilinear with antialiasing) and normalised where asked.
    func dataset(
        name: String, labels: [Int32], classNames: [String], size: Int?, normalization: ChannelNormalization?
    ) throws(DataError) -> InMemoryDataset {
        try normalization?.check(channels: channels)
        let planes = try size.map { size throws(DataError) in try resized(to: size, name: name) } ?? self
        return InMemoryDataset(
            name: name, pixels: planes.values, sampleShape: [channels, planes.height, planes.width], labels: labels,
            classNames: classNames, normalization: normalization)
    }

    private func resized(to size: Int, name: String) throws(DataError) -> PixelPlanes {
        try PixelPlanes.check(size: size)
        guard size != height || size != width else { return self }
        guard count * channels <= PixelPlanes.memoryLimit / (size * size) else {
            throw DataError(
                .tooLarge, file: name, problem: "\(count) images of \(size) x \(size) pixels do not fit in memory",
                remedy: "give a smaller image size")
        }
        var result: [UInt8] = []
        result.reserveCapacity(count * channels * size * size)
        let area = height * width
        for plane in 0..<count * channels {
            let image = Image(width: width, height: height, channels: 1, pixels: Array(values[plane * area..<(plane + 1) * area]))
            result += image.resized(width: size, height: size).pixels
        }
        return PixelPlanes(values: result, count: count, channels: channels, height: size, width: size)
    }

    /// Throws where images cannot be resized to this width and height.
    static func check(size: Int) throws(DataError) {
        guard (1...sizeLimit).contains(size) else {
            throw DataError(.setting, problem: "an image size of \(size)", remedy: "give 1 to \(sizeLimit) pixels")
        }
    }
}
