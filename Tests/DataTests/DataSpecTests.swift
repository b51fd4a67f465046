import MartletData
import Testing

@Suite struct DataSpecTests {
    @Test(arguments: [
        ("digits", DataSpec.digits), ("mnist:a/b", .mnist("a/b")), ("cifar10:x", .cifar10("x")), ("folder:/a:b", .folder("/a:b")),
        ("csv:t.csv", .csv("t.csv")), ("scenes", .scenes), ("voc:a/b", .voc("a/b")),
        ("coco:a,1.json,b,c", .coco(.init(annotations: "a,1.json", images: "b,c"))),
        (
            "coco:a,1.json,b,c,2.json,d,e",
            .coco(.init(annotations: "a,1.json", images: "b"), validation: .init(annotations: "c,2.json", images: "d,e"))
        ),
        ("text:t.txt", .text("t.txt")), ("pairs:a", .pairs("a")),
    ])
    func forms(text: String, expected: DataSpec) throws {
        let spec = try DataSpec.parse(text)
        #expect(spec == expected && spec.description == text)
    }

    @Test(arguments: [
        ("", "empty"), ("mnist:", "lacks its path"), ("imagenet:x", "no kind of data called 'imagenet'"),
        (":", "no kind of data called ''"),
        ("voc:", "lacks its path"), ("coco:a.json", "is not an annotation file and a folder"),
        ("coco:a.json,", "is not an annotation file and a folder"),
        ("text:", "lacks its path"), ("pairs:", "lacks its path"),
        ("no/such/path", "does not exist"),
    ])
    func refusals(text: String, expected: String) throws {
        let error = try #require(try dataError { _ = try DataSpec.parse(text) })
        #expect(error.problem.contains(expected), "\(error)")
        #expect(error.remedy.contains(text.hasPrefix("coco:") ? "coco:ANNOTATIONS" : "mnist:DIR"))
    }

    @Test func unknownLayouts() throws {
        try withTemporaryFolder { folder throws in
            #expect(try dataError { _ = try DataSpec.parse(folder) }?.problem == "is a folder of no known layout")
            try write([1], to: folder + "/a.bin")
            #expect(try dataError { _ = try DataSpec.parse(folder + "/a.bin") }?.problem == "is a file of no known layout")
            try write([1], to: folder + "/a.csv")
            #expect(try DataSpec.parse(folder + "/a.csv") == .csv(folder + "/a.csv"))
            try write([1], to: folder + "/a.txt.gz")
            #expect(try DataSpec.parse(folder + "/a.txt.gz") == .text(folder + "/a.txt.gz"))
            for name in ["train.de.gz", "train.en"] { try write([1], to: folder + "/pairs/" + name) }
            #expect(try DataSpec.parse(folder + "/pairs") == .pairs(folder + "/pairs"))
            try write([1], to: folder + "/voc/Annotations/a.xml")
            try write([1], to: folder + "/voc/JPEGImages/a.jpg")
            #expect(try DataSpec.parse(folder + "/voc") == .voc(folder + "/voc"))
            #expect(try dataError { _ = try DataSpec.voc(folder).load() }?.problem.contains("has boxes") == true)
            #expect(try dataError { _ = try DataSpec.digits.loadDetection() }?.problem.contains("has no boxes") == true)
        }
    }

    @Test func optionsThatDoNotApplyAreRefused() throws {
        let normalization = try ChannelNormalization(mean: [0.5], std: [0.5])
        let digits: [DataOptions] = [
            DataOptions(shortSide: 9), DataOptions(channels: 1), DataOptions(csv: .init(label: "a")),
            DataOptions(standardize: true),
            DataOptions(csv: .init(hasHeader: true)), DataOptions(csv: .init(isRegression: true)),
            DataOptions(normalization: .imageNet),
        ]
        for options in digits { #expect(throws: DataError.self) { try DataSpec.digits.load(options) } }
        for options in [DataOptions(imageSize: 3), DataOptions(normalization: normalization)] {
            #expect(try dataError { _ = try DataSpec.csv("t.csv").load(options) }?.kind == .setting)
        }
    }

    @Test func digits() throws {
        let splits = try DataSpec.digits.load(DataOptions(imageSize: 28))
        #expect(splits.training.sampleShape == [1, 28, 28] && splits.training.count == 1438)
        #expect(splits.validation?.count == 359 && splits.test == nil && splits.heldOut?.count == 359)
        #expect(try DataSpec.digits.load(DataOptions(validation: 0.5, seed: 1)).validation?.count == 899)
        let normalization = try ChannelNormalization(mean: [0.5], std: [0.5])
        let first = try DataSpec.digits.load(DataOptions(normalization: normalization)).training.sample(at: 0)
        #expect(first.inputs[0] == -1 && first.inputs[3] == (Float(13) / 16 - 0.5) / 0.5)
    }
}
