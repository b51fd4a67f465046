import Foundation
import MartletData
import Testing

@Suite struct ImageFolderTests {
    /// A picture of one level.
    private func put(_ path: String, level: UInt8, width: Int = 10, height: Int = 8) throws {
        try write(Image(width: width, height: height, channels: 3, filledWith: level).png(), to: path)
    }

    private func load(_ folder: String, _ options: DataOptions = DataOptions(imageSize: 4)) throws -> DatasetSplits {
        try DataSpec.folder(folder).load(options)
    }

    @Test func partsAndClasses() throws {
        try withTemporaryFolder { folder throws in
            try put(folder + "/train/cat/b.png", level: 51)
            try put(folder + "/train/cat/deep/a.PNG", level: 102)
            try put(folder + "/train/Dog/x.jpeg", level: 153)
            try put(folder + "/train/cat/.hidden.png", level: 0)
            try write([1], to: folder + "/train/cat/notes.txt")
            try write([1], to: folder + "/train/.cache/x.png")
            try put(folder + "/val/cat/v.png", level: 204, width: 3, height: 9)
            #expect(try DataSpec.parse(folder) == .folder(folder))
            let splits = try load(folder)
            #expect(splits.training.classNames == ["Dog", "cat"])
            #expect(splits.training.sampleShape == [3, 4, 4])
            let all = try splits.training.batch(of: [0, 1, 2])
            #expect(all.labels == [0, 1, 1])
            let levels: [Float] = [153, 51, 102]
            #expect(all.inputs == levels.flatMap { level in Array(repeating: level / 255, count: 48) })
            #expect(splits.test == nil && splits.validation?.count == 1)
            #expect(try splits.validation?.sample(at: 0).labels == [1])
            let grey = try load(
                folder, DataOptions(imageSize: 2, channels: 1, normalization: ChannelNormalization(mean: [0.2], std: [2])))
            #expect(try grey.training.sample(at: 1).inputs == Array(repeating: (Float(51) / 255 - 0.2) / 2, count: 4))
            let preparation = try ImagePreparation(
                size: 2, channels: 1, normalization: ChannelNormalization(mean: [0.2], std: [2]))
            let file = folder + "/train/cat/b.png"
            #expect(try preparation.sample(of: Image.read(file), file: file) == grey.training.sample(at: 1).inputs)
            #expect(try grey.part(named: "val").count == 1)
            #expect(throws: DataError.self) { try grey.part(named: "test") }
        }
    }

    @Test func withoutParts() throws {
        try withTemporaryFolder { folder throws in
            for number in 0..<10 { try put("\(folder)/\(number % 2 == 0 ? "a" : "b")/\(number).png", level: 9) }
            let splits = try load(folder)
            #expect(splits.training.count == 8 && splits.validation?.count == 2)
        }
    }

    @Test func badFoldersAreRefused() throws {
        try withTemporaryFolder { folder throws in
            #expect(try dataError { _ = try load(folder) }?.problem == "holds no class folders")
            try put(folder + "/train/a/1.png", level: 1)
            try FileManager.default.createDirectory(atPath: folder + "/train/empty", withIntermediateDirectories: true)
            var error = try dataError { _ = try load(folder) }
            #expect(error?.file == folder + "/train/empty" && error?.problem == "holds no PNG or JPEG files")
            try write([1], to: folder + "/train/empty/1.webp")
            error = try dataError { _ = try load(folder) }
            #expect(error?.kind == .unsupported && error?.file == folder + "/train/empty/1.webp")
            try FileManager.default.removeItem(atPath: folder + "/train/empty")
            try put(folder + "/val/zebra/1.png", level: 1)
            error = try dataError { _ = try load(folder) }
            #expect(error?.problem == "is a class that the training part lacks")
            try FileManager.default.removeItem(atPath: folder + "/train")
            #expect(try dataError { _ = try load(folder) }?.kind == .missing)
        }
    }

    @Test func badImagesAreNamedWhenRead() throws {
        try withTemporaryFolder { folder throws in
            try put(folder + "/a/1.png", level: 1)
            try put(folder + "/a/2.png", level: 1, width: 1, height: 1000)
            try write([], to: folder + "/a/3.png")
            try write(Array("text".utf8), to: folder + "/a/4.jpg")
            let data = try ImageFolder(folder, name: "t", preparation: ImagePreparation(size: 4))
            #expect(try data.sample(at: 0).labels == [0])
            for index in 1...3 { #expect(try dataError { _ = try data.sample(at: index) }?.file == data.files[index]) }
            try FileManager.default.removeItem(atPath: data.files[0])
            #expect(try dataError { _ = try data.sample(at: 0) }?.kind == .missing)
        }
    }

    @Test func settingsAreChecked() throws {
        #expect(throws: DataError.self) { try ImagePreparation(size: 0) }
        #expect(throws: DataError.self) { try ImagePreparation(size: 224, shortSide: 200) }
        #expect(throws: DataError.self) { try ImagePreparation(channels: 4) }
        #expect(throws: DataError.self) { try ImagePreparation(channels: 1, normalization: .imageNet) }
        #expect(try ImagePreparation(size: 224).shortSide == 256)
    }

    @Test func realData() throws {
        guard let folder = real("hymenoptera") else { return }
        let splits = try DataSpec.parse(folder).load(DataOptions(normalization: .imageNet))
        #expect(splits.training.classNames == ["ants", "bees"])
        #expect(splits.training.count + (splits.validation?.count ?? 0) == 397)
        let loader = try BatchLoader(splits.training, batchSize: 32)
        let batches = loader.batches(epoch: 0)
        let start = ContinuousClock.now
        var samples = 0
        while let batch = try batches.next() { samples += batch.count }
        print("\(samples) photos in \(ContinuousClock.now - start)")
        #expect(samples == splits.training.count)
    }
}
