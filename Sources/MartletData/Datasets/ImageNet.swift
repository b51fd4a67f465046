/// The thousand classes of the ImageNet challenge of 2012, which most pretrained networks for photos tell apart.
public enum ImageNet {
    /// Their names, by number.
    public static let classNames: [String] = (embeddedFiles["imagenet-classes.txt"] ?? "").split(separator: "\n").map(String.init)

    /// The number of a class: of its name, whatever its case and with spaces or underscores, in the plural too (`ants`); or of its
    /// number as text. Nil where there is none, or more than one.
    public static func label(of name: String) -> Int32? {
        if let exact = numbers[name] { return exact }
        if let number = Int32(name), (0..<Int32(classNames.count)).contains(number) { return number }
        let plain = plain(name)
        return lowercased[plain] ?? (plain.hasSuffix("s") ? lowercased[String(plain.dropLast())] : nil)
    }

    private static let numbers = Dictionary(zip(classNames, Int32(0)...)) { first, _ in first }

    /// Names that two classes share but for their case are left out.
    private static let lowercased: [String: Int32] = {
        let groups = Dictionary(grouping: zip(classNames, Int32(0)...)) { plain($0.0) }
        return groups.compactMapValues { $0.count == 1 ? $0[0].1 : nil }
    }()

    private static func plain(_ name: String) -> String { String(name.map { $0 == "_" ? " " : $0 }).lowercased() }
}

/// A data set whose classes are some of ImageNet's, labelled by ImageNet's numbers, to judge a network that tells all of them apart.
public struct ImageNetLabelled: Dataset {
    private let base: any Dataset
    /// ImageNet's numbers of the classes.
    private let labels: [Int32]

    /// Throws where a class is none of ImageNet's.
    public init(_ base: any Dataset) throws(DataError) {
        var labels: [Int32] = []
        for name in base.classNames {
            guard let label = ImageNet.label(of: name) else {
                throw DataError(
                    .mismatch, file: base.name, problem: "the class \(DataError.quote(name)) is none of ImageNet's 1,000",
                    remedy: "call its folder as ImageNet does, such as 'ant', or give weights for the data's own classes")
            }
            labels.append(label)
        }
        self.base = base
        self.labels = labels
    }

    public var name: String { base.name }
    public var count: Int { base.count }
    public var sampleShape: [Int] { base.sampleShape }
    public var classNames: [String] { ImageNet.classNames }
    public func label(at index: Int) -> Int32 { labels[Int(base.label(at: index))] }
    public func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        try base.read(index, into: buffer)
    }
}
