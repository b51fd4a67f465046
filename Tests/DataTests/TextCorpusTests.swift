import Foundation
import MartletData
import Testing

/// Texts and sentence pairs, and what is wrong with them.
@Suite struct TextCorpusTests {
    @Test func theEndIsHeldOut() throws {
        let corpus = try TextCorpus("0123456789abcdefghij", name: "t")
        #expect(corpus.training == "0123456789abcdefgh" && corpus.validation == "ij")
        let all = try TextCorpus("e\u{301}\r\n", name: "t", validation: 0)
        #expect(all.training.unicodeScalars.count == 4 && all.validation.isEmpty)
        // A character of two scalars may be cut.
        #expect(try TextCorpus("ae\u{301}b", name: "t", validation: 0.5).validation.unicodeScalars.first == "\u{301}")
        for share in [-0.1, 1, .nan] { #expect(throws: DataError.self) { try TextCorpus("abc", name: "t", validation: share) } }
    }

    @Test func filesThatAreNoText() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.txt"
            func error(_ bytes: [UInt8]) throws -> DataError? {
                try write(bytes, to: path)
                return try dataError { _ = try TextCorpus(reading: path) }
            }
            #expect(try error([])?.problem == "holds no text")
            #expect(try error([0xEF, 0xBB, 0xBF])?.problem == "holds no text")
            #expect(try error([0x61])?.problem == "holds a single character")
            #expect(try error(Array("é".utf8))?.problem == "holds a single character")
            let damaged = try #require(try error(Array("one\ntwo\nth".utf8) + [0xFF, 0x0A, 0xC3]))
            #expect(damaged.line == 3 && damaged.problem.contains("not UTF-8"))
            for bytes: [UInt8] in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x61, 0xE2, 0x82]] {
                #expect(try error(bytes)?.kind == .damaged)
            }
            #expect(try error([0x1F, 0x8B, 8, 0])?.kind == .damaged)
            #expect(try error(Array("ab".utf8)) == nil)
            #expect(try dataError { _ = try TextCorpus(reading: folder) }?.problem == "is a folder")
            #expect(try dataError { _ = try TextCorpus(reading: folder + "/none") }?.kind == .missing)
        }
    }

    private func put(_ lines: String, _ path: String) throws { try write(Array(lines.utf8), to: path) }

    @Test func pairsAndTheirParts() throws {
        try withTemporaryFolder { folder in
            for (name, text) in [
                ("train.de", "eins\nzwei\r\n\ndrei"), ("train.en", "one\ntwo\n\nthree\n"), ("val.de", "vier\n"),
                ("val.en", "four"), ("test_b.de", "b"), ("test_b.en", "b"), ("test_a.de", "a"), ("test_a.en", "a"),
                ("other.de", "x"), ("README", "y"),
            ] { try put(text, folder + "/" + name) }
            let corpus = try PairCorpus(reading: folder, source: "de", target: "en")
            #expect(corpus.training.sources == ["eins", "zwei", "", "drei"])
            #expect(corpus.training.targets == ["one", "two", "", "three"])
            #expect(corpus.validation?.targets == ["four"] && corpus.tests.map(\.name) == ["test_a", "test_b"])
            #expect(try PairCorpus(reading: folder, source: "en", target: "de").training.sources[3] == "three")
            let unknown = try #require(try dataError { _ = try PairCorpus(reading: folder, source: "fr", target: "en") })
            #expect(unknown.description.contains("no train.fr") && unknown.remedy.contains("de, en"))
            #expect(try dataError { _ = try PairCorpus(reading: folder, source: "de", target: "de") }?.kind == .setting)
            try put("one\ntwo\n", folder + "/train.en")
            let uneven = try #require(try dataError { _ = try PairCorpus(reading: folder, source: "de", target: "en") })
            #expect(uneven.problem.contains("has 2 lines") && uneven.problem.contains("has 4"))
            try write([0x61, 0x0A, 0xFE], to: folder + "/train.en")
            #expect(try dataError { _ = try PairCorpus(reading: folder, source: "de", target: "en") }?.line == 2)
            try put("", folder + "/train.en")
            try put("", folder + "/train.de")
            #expect(
                try dataError { _ = try PairCorpus(reading: folder, source: "de", target: "en") }?.problem == "holds no lines")
            #expect(try dataError { _ = try PairCorpus(reading: folder + "/none", source: "a", target: "b") }?.kind == .missing)
        }
    }

    @Test func checksFindAllThatIsWrong() throws {
        try withTemporaryFolder { folder in
            try put("h\u{E9}llo\n", folder + "/t.txt")
            let text = try DataSpec.text(folder + "/t.txt").check()
            #expect(text.samples == 6 && text.problems.isEmpty && !text.isRefused)
            try write([0x61, 0x0A, 0xFF], to: folder + "/t.txt")
            let damaged = try DataSpec.text(folder + "/t.txt").check()
            #expect(damaged.isRefused && damaged.problems.map(\.line) == [2])
            for (name, lines) in [
                ("train.a", "1\n2\n"), ("train.b", "1\n\n"), ("val.a", "1\n2\n"), ("val.b", "1\n"), ("test.a", ""),
                ("test.b", "x"),
            ] { try put(lines, folder + "/p/" + name) }
            let pairs = try DataSpec.pairs(folder + "/p").check()
            #expect(pairs.isRefused && pairs.samples == 4)
            #expect(
                pairs.problems.map { ($0.file ?? "").split(separator: "/").last.map(String.init) ?? "" }
                    == ["test.a", "test.b", "train.b", "val.b"], "\(pairs.problems)")
            #expect(pairs.problems[2].line == 2 && pairs.problems[3].problem.contains("has 1 lines"))
            #expect(try DataSpec.pairs(folder).check().isRefused)
        }
    }

    @Test func theRealOnes() throws {
        if let folder = real("multi30k") {
            let corpus = try PairCorpus(reading: folder, source: "de", target: "en")
            #expect(corpus.training.count == 29000 && corpus.validation?.count == 1014)
            #expect(corpus.tests.map(\.name) == ["test_2016_flickr"] && corpus.tests[0].count == 1000)
        }
        if let folder = real("tinyshakespeare") {
            let corpus = try TextCorpus(reading: folder + "/input.txt")
            #expect(corpus.training.utf8.count == 1_003_854 && corpus.validation.utf8.count == 111_540)
            #expect(Tokenizer(charactersOf: corpus.training + corpus.validation).vocabularySize == 65)
        }
    }
}
