import Foundation
import MartletData
import Testing

/// Photos that cannot be used, in folders of others.
@Suite struct BadPhotoTests {
    /// A folder of two classes: eight good photos and six bad ones, four of those for training.
    private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder throws in
            for number in 0..<8 {
                let part = number < 6 ? "train" : "val", kind = number % 2 == 0 ? "a" : "b"
                let image = Image(width: 20 + number, height: 16, channels: 3, filledWith: UInt8(10 * number))
                try write(image.png(), to: "\(folder)/\(part)/\(kind)/\(number).png")
            }
            let jpeg = [UInt8](try Data(contentsOf: URL(fileURLWithPath: goldenImage("rgb420.jpg"))))
            try write(Array(jpeg.dropLast(300)), to: folder + "/train/a/cut.jpg")
            try write(Array("not a photo".utf8), to: folder + "/train/a/text.jpg")
            try write([], to: folder + "/train/b/empty.png")
            try write(Image(width: 1, height: 1, channels: 1).png(), to: folder + "/train/b/pixel.png")
            try write(Array(Image(width: 9, height: 9).png().dropLast(20)), to: folder + "/val/a/cut.png")
            try write(jpeg, to: folder + "/val/b/good.jpg")
            return try body(folder)
        }
    }

    private let bad = ["train/a/cut.jpg", "train/a/text.jpg", "train/b/empty.png", "train/b/pixel.png", "val/a/cut.png"]

    private func all(_ data: any Dataset) throws -> Batch {
        func read(_ data: some Dataset) throws -> Batch { try data.batch(of: Array(0..<data.count)) }
        return try read(data)
    }

    @Test func theyAreLeftOut() throws {
        try withFolder { folder throws in
            let options = DataOptions(imageSize: 14, badPhotos: .leaveOut)
            let splits = try DataSpec.folder(folder).load(options)
            #expect(splits.leftOut.map(\.file) == bad.map { "\(folder)/\($0)" })
            #expect(splits.training.count == 6 && splits.validation?.count == 3)
            let batch = try all(splits.training)
            #expect(batch.labels == [0, 0, 0, 1, 1, 1])
            #expect(batch.inputs.prefix(14) == Array(repeating: 0, count: 14)[...])
            #expect(try all(#require(splits.validation)).labels == [0, 1, 1])
            #expect(splits.leftOut[1].problem == "is text, neither PNG nor JPEG")
            // Those that were left out once stay left out, and no others: a resumed run sees the same samples.
            try write(Image(width: 20, height: 20).png(), to: folder + "/train/a/text.jpg")
            let files = splits.leftOut.compactMap(\.file)
            let again = try DataSpec.folder(folder).load(DataOptions(imageSize: 14, badPhotos: .known(files)))
            #expect(try all(again.training) == batch)
            #expect(again.leftOut.compactMap(\.file) == files)
            #expect(try DataSpec.folder(folder).load(options).training.count == 7)
        }
    }

    @Test func orRefused() throws {
        try withFolder { folder throws in
            let splits = try DataSpec.folder(folder).load(DataOptions(imageSize: 14))
            #expect(splits.training.count == 10 && splits.leftOut.isEmpty)
            #expect(try dataError { _ = try all(splits.training) }?.file == folder + "/train/a/cut.jpg")
            let error = try dataError { _ = try DataSpec.folder(folder).load(DataOptions(badPhotos: .refuse)) }
            #expect(error?.file == folder + "/train/a/cut.jpg")
        }
    }

    @Test func aClassMayNotBecomeEmpty() throws {
        try withTemporaryFolder { folder throws in
            try write(Image(width: 9, height: 9).png(), to: folder + "/train/a/1.png")
            try write([1], to: folder + "/train/b/1.png")
            let error = try dataError { _ = try DataSpec.folder(folder).load(DataOptions(badPhotos: .leaveOut)) }
            #expect(error?.file == folder + "/train" && error?.problem == "no photo of the class 'b' can be used")
        }
    }

    @Test func theCheckTellsAll() throws {
        try withFolder { folder throws in
            var options = DataOptions(badPhotos: .leaveOut)
            var check = try DataSpec.folder(folder).check(options)
            #expect(check.samples == 9 && check.classNames == ["a", "b"] && !check.isRefused)
            #expect(check.problems.map(\.file) == bad.map { "\(folder)/\($0)" })
            options.badPhotos = .refuse
            check = try DataSpec.folder(folder).check(options)
            #expect(check.problems.count == 5 && check.isRefused)
            // What training refuses in any case comes first, all of it.
            options.badPhotos = .leaveOut
            try write([1], to: folder + "/train/a/x.webp")
            try FileManager.default.createDirectory(atPath: folder + "/train/c", withIntermediateDirectories: true)
            try write(Image(width: 9, height: 9).png(), to: folder + "/val/z/1.png")
            check = try DataSpec.folder(folder).check(options)
            #expect(check.isRefused && check.problems.count == 8)
            #expect(
                check.problems.prefix(3).map(\.problem) == [
                    "is an image that is neither PNG nor JPEG", "holds no PNG or JPEG files",
                    "is a class that the training part lacks",
                ])
        }
    }

    @Test func theCheckOfTables() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/t.csv"
            try write(Array("x,y,class\n1,2,a\n1,,b\n3,4\nnan,5,a\n6,7,b\n".utf8), to: path)
            var check = try DataSpec.csv(path).check()
            #expect(check.problems.map(\.line) == [3, 4, 5] && check.samples == 2 && check.isRefused)
            #expect(check.classNames == ["a", "b"])
            try write(Array("1,2,a\n3,4,b\n".utf8), to: path)
            check = try DataSpec.csv(path).check()
            #expect(check.problems.isEmpty && check.samples == 2 && !check.isRefused)
            check = try DataSpec.mnist(folder).check()
            #expect(check.problems.count == 1 && check.isRefused && check.samples == 0)
            check = try DataSpec.digits.check()
            #expect(check.problems.isEmpty && check.samples == 1797 && check.classNames.count == 10)
            #expect(throws: DataError.self) { try DataSpec.digits.check(DataOptions(shortSide: 100)) }
        }
    }

    @Test func tenCropsFollowTheirData() throws {
        try withFolder { folder throws in
            let splits = try DataSpec.folder(folder).load(DataOptions(imageSize: 7, shortSide: 8, badPhotos: .leaveOut))
            let parts = try Subset(ImageFolder(folder + "/val", name: "val", preparation: ImagePreparation(size: 7)), rows: [1])
            let crops = try #require(parts.tenCrops)
            #expect(crops.count == 1 && crops.sampleShape == [10, 3, 7, 7] && crops.label(at: 0) == parts.label(at: 0))
            #expect(try #require(splits.training.tenCrops).count == 6)
            #expect(try Digits().tenCrops == nil)
        }
    }
}
