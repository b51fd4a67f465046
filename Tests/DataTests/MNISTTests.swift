import CZlib
import Foundation
import MartletData
import Testing

/// Bytes as a gzip file, through zlib.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    precondition(
        deflateInit2_(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 1000 + 1000)
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
        }
    }
    return Array(output.prefix(Int(stream.total_out)))
}

/// An IDX file of bytes.
func idx(_ shape: [UInt32], _ values: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)] + shape.flatMap { extent in (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) } }
        + values
}

@Suite struct MNISTTests {
    private let images = (0..<5 * 3 * 4).map { UInt8($0 * 4) }
    private let labels: [UInt8] = [3, 1, 4, 1, 9]

    /// A folder with these files under their usual names.
    private func withFolder(
        images: [UInt8], labels: [UInt8], imageName: String = "train-images-idx3-ubyte",
        labelName: String = "train-labels-idx1-ubyte",
        _ body: (String) throws -> Void
    ) throws {
        try withTemporaryFolder { folder throws in
            try write(images, to: "\(folder)/\(imageName)")
            try write(labels, to: "\(folder)/\(labelName)")
            try body(folder)
        }
    }

    @Test(arguments: ["-", "."], [false, true])
    func readsBothNamesAndForms(separator: String, compressed: Bool) throws {
        let (imageFile, labelFile) = (idx([5, 3, 4], images), idx([5], labels))
        try withFolder(
            images: compressed ? gzipped(imageFile) : imageFile, labels: compressed ? gzipped(labelFile) : labelFile,
            imageName: "train-images\(separator)idx3-ubyte\(compressed ? ".gz" : "")",
            labelName: "train-labels\(separator)idx1-ubyte\(compressed ? ".gz" : "")"
        ) { folder throws in
            let splits = try DataSpec.parse(folder).load()
            #expect(splits.test == nil && splits.validation == nil)
            #expect(splits.training.sampleShape == [1, 3, 4])
            let batch = try splits.training.batch(of: [4, 0])
            #expect(batch.labels == [9, 3])
            #expect(batch.inputs == (Array(images[48..<60]) + Array(images[0..<12])).map { Float($0) / 255 })
            let resized = try DataSpec.mnist(folder).load(DataOptions(imageSize: 7))
            #expect(resized.training.sampleShape == [1, 7, 7])
            let normalization = try ChannelNormalization(mean: [0.5], std: [0.25])
            let normalized = try DataSpec.mnist(folder).load(DataOptions(normalization: normalization))
            #expect(try normalized.training.sample(at: 1).inputs[0] == (Float(48) / 255 - 0.5) / 0.25)
        }
    }

    @Test func contradictionsAreRefused() throws {
        let good = (idx([5, 3, 4], images), idx([5], labels))
        let cases: [(images: [UInt8], labels: [UInt8], problem: String)] = [
            (good.0, idx([4], [0, 1, 2, 3]), "has 4 labels for 5 images"),
            (good.0, idx([5], [0, 1, 10, 3, 4]), "label 10 at position 2"),
            (good.1, good.1, "it holds labels"),
            (good.0, good.0, "it holds images"),
            ([], good.1, "it is empty"),
            (Array("<html>not found</html>".utf8), good.1, "other magic number"),
            (Array(good.0.dropLast()), good.1, "contradicts"),
            (good.0 + [0], good.1, "contradicts"),
            (gzipped(Array(good.0.dropLast())), good.1, "holds 59 of the 60 bytes"),
            (gzipped(good.0 + [0]), good.1, "holds more than the 60 bytes"),
            (Array(gzipped(good.0).dropLast(12)), good.1, "cut short"),
            (gzipped(good.0) + [1, 2, 3], good.1, "other bytes after"),
            (idx([.max, .max, .max], []), good.1, "impossible extents"),
            (gzipped(idx([.max, .max, .max], [])), good.1, "impossible extents"),
            (idx([0, 28, 28], []), good.1, "impossible extents"),
            (idx([100_000, 28, 28], []), good.1, "contradicts"),
            (gzipped(idx([100_000, 28, 28], [])), good.1, "contradicts"),
        ]
        for entry in cases {
            try withFolder(images: entry.images, labels: entry.labels) { folder throws in
                let error = try #require(try dataError { _ = try DataSpec.mnist(folder).load() }, "\(entry.problem)")
                #expect(error.problem.contains(entry.problem), "\(error)")
                #expect(error.file?.hasPrefix(folder) == true && !error.description.contains("\n"))
            }
        }
    }

    /// A bomb inflates no further than its header says.
    @Test func bombsAreCut() throws {
        let bomb = gzipped(idx([5, 3, 4], images) + Array(repeating: 0, count: 50_000_000))
        try withFolder(images: bomb, labels: idx([5], labels)) { folder throws in
            #expect(
                try dataError { _ = try MNIST.load(folder) }?.problem == "holds more than the 60 bytes that its header declares")
        }
        #expect(try dataError { _ = try Gzip.inflate(bomb, limit: 1000, file: "bomb.gz") }?.kind == .tooLarge)
        #expect(try Gzip.inflate(gzipped([1, 2, 3]), limit: 3, file: "f") == [1, 2, 3])
        #expect(try Gzip.inflate(gzipped([1, 2]) + gzipped([3]) + [0, 0], limit: 3, file: "f") == [1, 2, 3])
        #expect(try Gzip.inflate(gzipped([]), limit: 0, file: "f") == [])
    }

    @Test func missingFilesAreNamed() throws {
        try withTemporaryFolder { folder throws in
            let error = try dataError { _ = try MNIST.load(folder) }
            #expect(error?.kind == .missing && error?.file == folder + "/train-images-idx3-ubyte")
            #expect(try dataError { _ = try MNIST.load(folder + "/none") }?.problem == "does not exist")
            try write(idx([5, 3, 4], images), to: folder + "/train-images-idx3-ubyte")
            try write(idx([5], labels), to: folder + "/train-labels-idx1-ubyte")
            #expect(try dataError { _ = try MNIST.load(folder + "/train-labels-idx1-ubyte") }?.problem == "is not a folder")
            try write(idx([5, 3, 4], images), to: folder + "/t10k-images-idx3-ubyte.gz")
            #expect(try dataError { _ = try MNIST.load(folder) }?.file == folder + "/t10k-labels-idx1-ubyte")
            try FileManager.default.createDirectory(
                atPath: folder + "/t10k-labels-idx1-ubyte", withIntermediateDirectories: false)
            #expect(try dataError { _ = try MNIST.load(folder) }?.problem == "is a folder")
        }
    }

    @Test(arguments: [false, true])
    func damageNeverTraps(compressed: Bool) throws {
        let whole = idx([5, 3, 4], images)
        let file = compressed ? gzipped(whole) : whole
        for damaged in damaged(file, cuts: file.count, flips: 300) {
            try withFolder(images: damaged, labels: idx([5], labels)) { folder throws in
                let splits = try? MNIST.load(folder)
                if damaged.count < file.count { #expect(splits == nil) }
                if let splits { #expect(try splits.training.sample(at: 4).inputs.count == splits.training.sampleSize) }
            }
        }
    }

    @Test func realData() throws {
        guard let folder = real("mnist") else { return }
        let start = ContinuousClock.now
        let splits = try DataSpec.parse(folder).load()
        print("MNIST read in \(ContinuousClock.now - start)")
        #expect(splits.training.count == 60000 && splits.test?.count == 10000)
        // The first labels, and the mean and deviation that everyone normalises MNIST with.
        #expect((0..<8).map { splits.training.label(at: $0) } == [5, 0, 4, 1, 9, 2, 1, 3])
        #expect((0..<5).map { splits.test?.label(at: $0) } == [7, 2, 1, 0, 4])
        var (sum, squares) = (0.0, 0.0)
        let batches = try BatchLoader(splits.training, batchSize: 1000).batches(epoch: 0)
        while let batch = try batches.next() {
            for value in batch.inputs {
                sum += Double(value)
                squares += Double(value) * Double(value)
            }
        }
        let mean = sum / (60000 * 784)
        #expect(abs(mean - 0.1307) < 5e-5)
        #expect(abs((squares / (60000 * 784) - mean * mean).squareRoot() - 0.3081) < 5e-5)
    }
}
