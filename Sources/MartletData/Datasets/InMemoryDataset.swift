/// A data set held in memory, as numbers or as the bytes of its images.
public struct InMemoryDataset: ResidentDataset {
    private enum Storage: Sendable {
        case floats([Float])
        /// Pixels, and for each channel the value of each of the 256 levels.
        case bytes([UInt8], levels: [Float])
    }

    public let name: String
    public let sampleShape: [Int]
    public let classNames: [String]
    /// The class of each sample; empty for regression.
    public let labels: [Int32]
    private let storage: Storage
    private let targetRows: [Float]
    private let targetCount: Int
    public let count: Int

    /// Samples as numbers, row-major in [n] + `sampleShape`, each with its class.
    public init(name: String, values: [Float], sampleShape: [Int], labels: [Int32], classNames: [String]) {
        self.init(
            name: name, storage: .floats(values), stored: values.count, sampleShape: sampleShape, count: labels.count,
            labels: labels, classNames: classNames, targets: [], targetCount: 0)
    }

    /// Samples as numbers for regression: `targets` is row-major in [n, `targetCount`].
    public init(name: String, values: [Float], sampleShape: [Int], targets: [Float], targetCount: Int) {
        precondition(
            targetCount > 0 && targets.count % targetCount == 0,
            "InMemoryDataset: \(targets.count) targets are not rows of \(targetCount)")
        self.init(
            name: name, storage: .floats(values), stored: values.count, sampleShape: sampleShape,
            count: targets.count / targetCount, labels: [], classNames: [], targets: targets, targetCount: targetCount)
    }

    /// Images as bytes, row-major in [n, c, h, w]. A byte b of channel c is read as (b / `maximum` - mean[c]) / std[c]; without a
    /// normalisation as b / `maximum`.
    public init(
        name: String, pixels: [UInt8], sampleShape: [Int], labels: [Int32], classNames: [String], maximum: Float = 255,
        normalization: ChannelNormalization? = nil
    ) {
        precondition(sampleShape.count == 3, "InMemoryDataset: images have the shape [c, h, w], not \(sampleShape)")
        var levels: [Float] = []
        for channel in 0..<sampleShape[0] {
            levels += (0..<256).map { level in
                let value = Float(level) / maximum
                return normalization?.apply(value, channel: channel) ?? value
            }
        }
        self.init(
            name: name, storage: .bytes(pixels, levels: levels), stored: pixels.count, sampleShape: sampleShape,
            count: labels.count, labels: labels, classNames: classNames, targets: [], targetCount: 0)
    }

    private init(
        name: String, storage: Storage, stored: Int, sampleShape: [Int], count: Int, labels: [Int32],
        classNames: [String], targets: [Float], targetCount: Int
    ) {
        let size = sampleShape.reduce(1, *)
        precondition(stored == count * size, "InMemoryDataset: \(stored) values are not \(count) samples of \(sampleShape)")
        precondition(
            labels.allSatisfy { $0 >= 0 && $0 < classNames.count },
            "InMemoryDataset: a label lies outside the \(classNames.count) classes")
        self.name = name
        self.storage = storage
        self.sampleShape = sampleShape
        self.count = count
        self.labels = labels
        self.classNames = classNames
        self.targetRows = targets
        self.targetCount = targetCount
    }

    public func label(at index: Int) -> Int32 { labels.isEmpty ? -1 : labels[index] }

    public func targets(at index: Int) -> [Float] {
        Array(targetRows[index * targetCount..<(index + 1) * targetCount])
    }

    public func copy(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) {
        let size = sampleSize
        switch storage {
        case .floats(let values):
            _ = buffer.update(from: values[index * size..<(index + 1) * size])
        case .bytes(let pixels, let levels):
            let plane = size / max(sampleShape[0], 1)
            pixels.withUnsafeBufferPointer { pixels in
                levels.withUnsafeBufferPointer { levels in
                    for channel in 0..<sampleShape[0] {
                        let table = levels.baseAddress! + channel * 256
                        let source = UnsafeBufferPointer(
                            rebasing: pixels[index * size + channel * plane..<index * size + (channel + 1) * plane])
                        let target = UnsafeMutableBufferPointer(rebasing: buffer[channel * plane..<(channel + 1) * plane])
                        for position in 0..<plane { target[position] = table[Int(source[position])] }
                    }
                }
            }
        }
    }
}
