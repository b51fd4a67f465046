/// A file in the IDX format of MNIST (http://yann.lecun.com/exdb/mnist): a magic number that names the type and the number of
/// dimensions, the big-endian extents, then the values. Plain or gzip, told by its content.
struct IDXFile {
    /// The extents; the first counts the samples.
    let shape: [Int]
    let values: [UInt8]

    /// The largest content read, 4 GiB.
    static let limit = 1 << 32

    /// Reads a file of unsigned bytes with this many dimensions: 3 for images, 1 for labels. What its header declares bounds
    /// what is inflated.
    static func read(_ path: String, dimensions: Int) throws(DataError) -> IDXFile {
        let kind = dimensions == 1 ? "labels" : "images"
        let stored = try InputFile.contents(path, limit: limit)
        let headerSize = 4 + 4 * dimensions
        let stream = Gzip.isGzip(stored) ? try InflateStream(stored, file: path) : nil
        let header = try stream?.read(headerSize) ?? Array(stored.prefix(headerSize))
        guard header.count == headerSize, header.prefix(4).elementsEqual([0, 0, 8, UInt8(dimensions)]) else {
            throw DataError(
                .damaged, file: path, problem: "does not begin as an IDX file of \(kind) does (\(description(of: header)))",
                remedy: "give MNIST's file of \(kind) of this name")
        }
        let shape = (0..<dimensions).map { axis in
            header[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
        }
        let size = try contentSize(shape, path: path)
        // Deflate packs at most 1,032 bytes into one.
        guard stream == nil ? stored.count - headerSize == size : stored.count >= size / 1032 else {
            throw DataError(
                .damaged, file: path, problem: "has \(stored.count) bytes, which its header of \(shape) \(kind) contradicts",
                remedy: "fetch it again")
        }
        guard let stream else { return IDXFile(shape: shape, values: Array(stored.dropFirst(headerSize))) }
        let values = try stream.read(size)
        guard values.count == size else {
            throw DataError(
                .damaged, file: path, problem: "holds \(values.count) of the \(size) bytes that its header declares",
                remedy: "fetch it again")
        }
        guard try stream.read(1).isEmpty else {
            throw DataError(
                .damaged, file: path, problem: "holds more than the \(size) bytes that its header declares",
                remedy: "fetch it again")
        }
        return IDXFile(shape: shape, values: values)
    }

    private static func contentSize(_ shape: [Int], path: String) throws(DataError) -> Int {
        var size = 1
        for extent in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            guard extent > 0, !overflow, product <= limit else {
                throw DataError(
                    .damaged, file: path, problem: "its header declares the impossible extents \(shape)",
                    remedy: "fetch it again")
            }
            size = product
        }
        return size
    }

    private static func description(of header: [UInt8]) -> String {
        if header.isEmpty { return "it is empty" }
        if header.starts(with: [0, 0, 8, 1]) { return "it holds labels" }
        if header.starts(with: [0, 0, 8, 3]) { return "it holds images" }
        if header.starts(with: [0, 0, 8]) { return "it has \(header.count > 3 ? Int(header[3]) : 0) dimensions" }
        return "other magic number"
    }
}
