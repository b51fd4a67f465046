import Foundation
import MartletData
import Testing

/// Tokenizers: equal to the package `tokenizers` on its own files, and to themselves after a way through a file.
@Suite struct TokenizerTests {
    struct Case: Decodable {
        struct Entry: Decodable {
            let text: String
            let ids: [Int32]
            let special: [Int32]
            let decoded: String
            let whole: String
        }
        struct Broken: Decodable {
            let ids: [Int32]
            let decoded: String
        }
        let entries: [Entry]
        let broken: Broken
    }

    @Test(arguments: ["gpt2", "llama2", "llama3", "ends", "mixed", "splits"]) func equalsThePackage(name: String) throws {
        let test = try #require(try golden("text/tokens.json", as: [String: Case].self)[name])
        let tokenizer = try Tokenizer(reading: golden("text/\(name).json"))
        #expect(test.entries.count > 20)
        for entry in test.entries {
            let ids = try tokenizer.encode(entry.text)
            #expect(ids == entry.ids, "\(name): \(entry.text.debugDescription)")
            #expect(try tokenizer.encode(entry.text, addingSpecial: true) == entry.special, "\(name): \(entry.text)")
            expectSame(tokenizer.decode(entry.ids), entry.decoded, "\(name): \(entry.text)")
            expectSame(tokenizer.decode(entry.ids, skippingSpecial: false), entry.whole, "\(name): \(entry.text)")
        }
        #expect(try tokenizer.encode(all: test.entries.map(\.text)) == test.entries.map(\.ids))
        expectSame(tokenizer.decode(test.broken.ids), test.broken.decoded, "\(name): cut characters")
    }

    /// The same bytes: strings that are only canonically equivalent are not the same here.
    private func expectSame(_ a: String, _ b: String, _ what: String) {
        #expect(a.utf8.elementsEqual(b.utf8), "\(what): \(a.debugDescription), not \(b.debugDescription)")
    }

    @Test func trainingEqualsThePackage() throws {
        let text = try String(contentsOfFile: golden("text/training.txt"), encoding: .utf8)
        let lines = text.split(separator: "\n").map { $0 + "\n" }.map(String.init)
        let ours = Tokenizer(training: lines, size: 420, special: ["<|end|>"])
        let theirs = try Tokenizer(reading: golden("text/gpt2.json"))
        #expect(ours.vocabularySize == theirs.vocabularySize)
        for id in 0..<Int32(ours.vocabularySize) { #expect(ours.text(of: id) == theirs.text(of: id), "token \(id)") }
        for entry in try #require(try golden("text/tokens.json", as: [String: Case].self)["gpt2"]).entries {
            #expect(try ours.encode(entry.text) == entry.ids)
        }
    }

    @Test func anyTextGoesThroughBytes() throws {
        let texts = ["", "a", "größer 日本語 👩‍👩‍👧 \u{0} \r\n\t", "e\u{301} \u{212B} \u{C5}", String(repeating: "long ", count: 2000)]
        let trained = Tokenizer(training: texts, size: 300), bytes = Tokenizer(bytes: ["<s>"])
        for text in texts + ["never seen: ✓ Ω"] {
            for tokenizer in [trained, bytes] {
                let ids = try tokenizer.encode(text)
                #expect(ids.allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) })
                expectSame(tokenizer.decode(ids), text, "\(text.prefix(20))")
            }
            #expect(try bytes.encode(text).count == text.utf8.count)
        }
        #expect(try bytes.encode("<s>") == [0] && bytes.decode([0]).isEmpty && bytes.decode([0], skippingSpecial: false) == "<s>")
    }

    @Test func charactersAreScalars() throws {
        let tokenizer = Tokenizer(charactersOf: "b\u{C5}a\u{212B}\r\né")
        // In the order of their codes; two that Swift holds for equal stay apart.
        #expect(tokenizer.vocabularySize == 7)
        #expect(try tokenizer.encode("\n\rab\u{C5}é\u{212B}") == [0, 1, 2, 3, 4, 5, 6])
        expectSame(tokenizer.decode([6, 4, 0, 1]), "\u{212B}\u{C5}\n\r", "scalars")
        let error = try #require(try dataError { _ = try tokenizer.encode("abc") })
        #expect(error.description.contains("'c' (U+0063)") && error.description.contains("tokenizer=byte"))
        #expect(tokenizer.decode([99, -1, 2]) == "a")
    }

    @Test func filesComeBackTheSame() throws {
        let text = try String(contentsOfFile: golden("text/training.txt"), encoding: .utf8)
        try withTemporaryFolder { folder in
            let made = [
                Tokenizer(charactersOf: text + "\u{0}\"\\\u{301}"), Tokenizer(bytes: ["<s>", "</s>"]),
                Tokenizer(training: [text], size: 350, special: ["<s>"]),
            ]
            for tokenizer in made {
                try tokenizer.write(to: folder + "/tokenizer.json")
                let again = try Tokenizer(reading: folder + "/tokenizer.json")
                #expect(again.vocabularySize == tokenizer.vocabularySize)
                #expect(try again.encode(text) == tokenizer.encode(text))
                expectSame(again.decode(try again.encode(text)), text, "round trip")
                #expect(again.fileContents == tokenizer.fileContents)
            }
        }
    }

    /// A line without any space is one word: quadratic time would take hours.
    @Test func linesOf100000Characters() throws {
        let tokenizer = try Tokenizer(reading: golden("text/llama2.json"))
        let line = String(repeating: "thequickbrownfoxnever", count: 100_000 / 21)
        #expect(tokenizer.decode(try tokenizer.encode(line)) == line)
        let trained = Tokenizer(training: [line, String(repeating: "x", count: 100_000)], size: 400)
        #expect(trained.decode(try trained.encode(line)) == line)
    }

    @Test func damagedFilesAreRefused() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/tokenizer.json"
            for name in ["gpt2", "llama2", "mixed"] {
                let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden("text/\(name).json"))))
                var refused = 0
                for bytes in damaged(whole, cuts: 60, flips: 200) {
                    try write(bytes, to: path)
                    if let error = try dataError({
                        let tokenizer = try Tokenizer(reading: path)
                        _ = try? tokenizer.encode("The quick brown größer fox 12")
                        _ = tokenizer.decode(0..<Int32(min(tokenizer.vocabularySize, 600)))
                    }) {
                        #expect(error.file == path)
                        refused += 1
                    }
                }
                #expect(refused > 60, "\(name)")
            }
        }
    }

    @Test(arguments: [
        ("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {}}}", "the model 'WordPiece'"),
        ("{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}", "the model 'Unigram'"), ("[]", "no model"), ("", "not JSON"),
        ("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}", "merge 0"),
        ("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}", "no number"),
        ("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 99999999999}, \"merges\": []}}", "no number"),
        ("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0.5}, \"merges\": []}}", "no number"),
        ("{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}", "no tokens"),
        ("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"u\"}}", "unk_token"),
        ("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}, \"normalizer\": {\"type\": \"Nmt\"}}", "the normalizer 'Nmt'"),
        ("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}, \"pre_tokenizer\": {\"type\": \"X\"}}", "the pre-tokenizer 'X'"),
        ("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}, \"decoder\": {\"type\": \"CTC\"}}", "the decoder 'CTC'"),
        (
            "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}, \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": "
                + "{\"Regex\": \"(\"}, \"behavior\": \"Isolated\"}}", "the regular expression '('"
        ),
    ]) func whatIsNotSupportedIsNamed(text: String, words: String) throws {
        try withTemporaryFolder { folder in
            try write(Array(text.utf8), to: folder + "/t.json")
            let error = try #require(try dataError { _ = try Tokenizer(reading: folder + "/t.json") })
            #expect(error.description.contains(words), "\(error)")
        }
        let nested = String(repeating: "[", count: 100_000)
        try withTemporaryFolder { folder in
            try write(Array(nested.utf8), to: folder + "/t.json")
            #expect(try dataError { _ = try Tokenizer(reading: folder + "/t.json") }?.problem.contains("nests deeper") == true)
        }
    }
}
