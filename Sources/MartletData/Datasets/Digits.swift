import Foundation

/// 1,797 handwritten digits of 8 x 8 pixels and 17 grey levels, in the binary itself.
///
/// "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository,
/// https://doi.org/10.24432/C50P49, licensed CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); its test part, as
/// scikit-learn packages it.
public struct Digits: ResidentDataset {
    /// The width and height the images are stored in.
    public static let storedSize = 8
    private let samples: InMemoryDataset

    /// The digits with values in 0...1 and the shape [1, `size`, `size`]. Sizes other than 8 are bilinear, with
    /// half-pixel centres and no antialiasing (PyTorch's `interpolate` with `align_corners=False`).
    /// - Parameter normalization: Applied to the values in 0...1.
    public init(size: Int = Digits.storedSize, normalization: ChannelNormalization? = nil) throws(DataError) {
        guard (1...1024).contains(size) else {
            throw DataError(.setting, problem: "digits of \(size) x \(size) pixels", remedy: "give a size from 1 to 1024")
        }
        let (pixels, labels) = try Digits.decode()
        let stored = Digits.storedSize
        var values = pixels.map { Float($0) / 16 }
        if size != stored {
            values = Resampling.bilinear(values, planes: labels.count, from: (stored, stored), to: (size, size))
        }
        if let normalization {
            try normalization.check(channels: 1)
            values = values.map { normalization.apply($0, channel: 0) }
        }
        samples = InMemoryDataset(
            name: "digits", values: values, sampleShape: [1, size, size], labels: labels,
            classNames: (0..<10).map(String.init))
    }

    public var name: String { samples.name }
    public var count: Int { samples.count }
    public var sampleShape: [Int] { samples.sampleShape }
    public var classNames: [String] { samples.classNames }
    public func label(at index: Int) -> Int32 { samples.label(at: index) }
    public func copy(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) { samples.copy(index, into: buffer) }

    /// The customary parts: every fifth row in `validation` (359 digits), the others in `training` (1,438).
    public func split() throws(DataError) -> (training: Subset<Digits>, validation: Subset<Digits>) {
        try split(holdingOutEvery: 5)
    }

    private static func decode() throws(DataError) -> (pixels: [UInt8], labels: [Int32]) {
        let file = "digits.csv.gz"
        let damaged = DataError(
            .damaged, file: "\(file) (embedded)", problem: "is not 65 small integers a row",
            remedy: "build the program again from clean sources")
        guard let text = embeddedFiles[file], let packed = Data(base64Encoded: text) else { throw damaged }
        let rows = try Gzip.inflate([UInt8](packed), limit: 1 << 20, file: file)
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for row in rows.split(separator: UInt8(ascii: "\n")) {
            let fields = row.split(separator: UInt8(ascii: ",")).map { UInt8(String(decoding: $0, as: UTF8.self)) }
            guard fields.count == 65, let label = fields[64], label < 10 else { throw damaged }
            for field in fields.dropLast() {
                guard let field, field <= 16 else { throw damaged }
                pixels.append(field)
            }
            labels.append(Int32(label))
        }
        return (pixels, labels)
    }
}
