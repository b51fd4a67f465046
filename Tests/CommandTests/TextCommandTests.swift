import Foundation
import Testing

/// Language models and translation from the command line, at sizes that take seconds.
@Suite(.serialized) struct TextCommandTests {
    private static let verses = (0..<80).map { "Line \($0): the \(["cat", "dog", "bird"][$0 % 3]) sat down.\n" }
    private static let small = [
        "--device", "cpu", "--steps", "6", "--log-every", "6", "--batch-size", "4", "--set", "layers=1", "--set", "width=16",
        "--set", "context=16",
    ]

    private func prepared() throws -> Scratch {
        let scratch = Scratch()
        try scratch.write(Self.verses.joined(), to: "verses.txt")
        for part in ["train", "val", "test_x"] {
            try scratch.write(Self.verses[..<40].joined().lowercased(), to: "pairs/\(part).a")
            try scratch.write(Self.verses[..<40].joined(), to: "pairs/\(part).b")
        }
        return scratch
    }

    @Test(arguments: [("gpt", ["--set", "heads=2"]), ("lstm", [])]) func languageModels(model: String, more: [String]) throws {
        let scratch = try prepared()
        let trained = try Program.run(
            ["train", model, "--data", "text:verses.txt", "--json", "--out", "run"] + Self.small + more, in: scratch.path)
        try #require(trained.status == 0, "\(trained.errors)")
        let lines = try trained.objects()
        let metrics = try #require(lines[0]["metrics"] as? [String: Any])
        #expect(Set(metrics.keys) == ["perplexity"] && lines[0]["valLoss"] is NSNumber)
        #expect(try scratch.files("run").contains("tokenizer.json"))

        let judged = try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--json"], in: scratch.path)
        let result = try #require(try judged.objects().first)
        #expect(result["split"] as? String == "val")
        let loss = try #require(result["loss"] as? Double), logged = try #require(lines[0]["valLoss"] as? Double)
        #expect(abs(loss - logged) < 1e-4 * loss)
        #expect(try Program.run(["evaluate", "--run", "run", "--split", "train", "--json"], in: scratch.path).status == 0)
        expectRefusal(
            try Program.run(["evaluate", "--run", "run", "--device", "cpu", "--split", "test"], in: scratch.path),
            ["no split 'test'", "train, val"])

        func generate(_ more: [String]) throws -> [String: Any] {
            let made = try Program.run(["generate", "--run", "run", "--device", "cpu", "--json"] + more, in: scratch.path)
            #expect(made.status == 0 && made.outputLines.count == 1, "\(made.errors)")
            return try #require(try made.objects().first)
        }
        let text = try generate(["--prompt", "Line 1", "--tokens", "30", "--seed", "3"])
        #expect(Set(text.keys).isSuperset(of: ["prompt", "text", "tokensPerSecond"]))
        #expect(text["prompt"] as? String == "Line 1" && (text["text"] as? String)?.unicodeScalars.count == 30)
        #expect(text["tokensPerSecond"] as? Double ?? 0 > 0)
        let again = try generate(["--prompt", "Line 1", "--tokens", "30", "--seed", "3"])
        #expect(again["text"] as? String == text["text"] as? String)
        // Longer than the context: the end counts, and it is said.
        let long = try Program.run(
            [
                "generate", "--run", "run", "--device", "cpu", "--tokens", "3", "--prompt",
                String(repeating: "the cat ", count: 30),
            ],
            in: scratch.path)
        #expect(long.status == 0 && long.errors.contains("last 16 fit") == (model == "gpt"), "\(long.errors)")
        #expect(long.output.hasPrefix("the cat "))
        for (options, words) in [
            (["--prompt", "漢"], ["'漢' (U+6F22)", "not in the vocabulary"]), (["--prompt", ""], ["--prompt", "empty"]),
            (["--tokens", "0"], ["--tokens 0"]), (["--temperature", "-1"], ["--temperature -1"]),
            (["--top-k", "0"], ["--top-k 0"]),
            (["--top-p", "0"], ["--top-p 0"]), (["--repetition-penalty", "0"], ["--repetition-penalty 0"]),
            (["--stop", ""], ["--stop"]),
        ] {
            expectRefusal(
                try Program.run(["generate", "--run", "run", "--device", "cpu"] + options, in: scratch.path), words, "\(options)")
        }
        try scratch.write("{", to: "run/tokenizer.json")
        expectRefusal(
            try Program.run(["generate", "--run", "run", "--device", "cpu"], in: scratch.path), ["tokenizer.json", "not JSON"])
    }

    @Test func translation() throws {
        let scratch = try prepared()
        let trained = try Program.run(
            [
                "train", "transformer", "--data", "pairs:pairs", "--device", "cpu", "--steps", "4", "--batch-size", "300",
                "--json",
                "--set", "source=a", "--set", "target=b", "--set", "layers=1", "--set", "width=16", "--set", "heads=2", "--set",
                "hidden=16", "--set", "vocab=300", "--out", "run",
            ], in: scratch.path)
        try #require(trained.status == 0, "\(trained.errors)")
        let metrics = try #require(try trained.objects()[0]["metrics"] as? [String: Any])
        #expect(Set(metrics.keys) == ["bleu"])
        for split in ["test", "test_x", "val", "train"] {
            let judged = try Program.run(
                ["evaluate", "--run", "run", "--device", "cpu", "--json", "--split", split], in: scratch.path)
            #expect(try judged.objects().first?["split"] as? String == split, "\(judged.errors)")
        }
        let done = try Program.run(
            ["translate", "--run", "run", "--device", "cpu", "--json", "--beam", "2", "the cat", "", "größer 漢"], in: scratch.path
        )
        let lines = try done.objects()
        #expect(done.status == 0 && lines.map { $0["source"] as? String } == ["the cat", "", "größer 漢"], "\(done.errors)")
        #expect(lines.allSatisfy { $0["translation"] is String && $0["score"] is NSNumber })
        #expect(lines[1]["translation"] as? String == "")
        let piped = try Program.shell(
            "printf 'a\\nb\\n' | \"$M\" translate --run run --device cpu --beam 1", in: scratch.path)
        #expect(piped.status == 0 && piped.output.filter { $0 == "\n" }.count == 2, "\(piped.errors)")
        let long = String(repeating: "thecat", count: 100_000 / 6)
        for (options, words) in [
            (["--beam", "0", "a"], ["--beam 0", "1 to 64"]), (["--length-penalty", "-1", "a"], ["--length-penalty -1"]),
            (["a", long], ["line 2", "cut it into sentences"]), ([], ["no text"]),
        ] {
            expectRefusal(
                try Program.run(["translate", "--run", "run", "--device", "cpu"] + options, in: scratch.path), words,
                "\(options.map { $0.prefix(20) })")
        }
    }

    @Test func dataThatDoesNotFit() throws {
        let scratch = try prepared()
        try scratch.write("x", to: "one.txt")
        try scratch.write("", to: "none.txt")
        try scratch.write(Data([0x61, 0x0A, 0xFF]), to: "bytes.txt")
        try scratch.write("one\n", to: "pairs/val.b")
        let cases: [([String], [String])] = [
            (["gpt", "--data", "text:one.txt"], ["one.txt", "single character"]),
            (["lstm", "--data", "text:none.txt"], ["none.txt", "no text"]),
            (["gpt", "--data", "text:bytes.txt"], ["bytes.txt:2", "not UTF-8"]), (["gpt"], ["lacks its path"]),
            (["gpt", "--data", "digits"], ["is no text", "text:FILE"]),
            (["mlp", "--data", "text:verses.txt"], ["is text", "lstm or gpt"]),
            (["transformer", "--data", "text:verses.txt"], ["no sentence pairs"]),
            (["transformer", "--data", "pairs:pairs", "--set", "source=a", "--set", "target=b"], ["1 lines", "has 40"]),
            (["transformer", "--data", "pairs:pairs"], ["no train.de", "a, b"]),
            (["gpt", "--data", "text:verses.txt", "--set", "tokenizer=none.json"], ["none.json", "does not exist"]),
            (["gpt", "--data", "text:verses.txt", "--set", "context=0"], ["context=0"]),
        ]
        for (options, words) in cases {
            expectRefusal(
                try Program.run(["train"] + options + ["--device", "cpu", "--out", "o"], in: scratch.path), words, "\(options)")
        }
    }
}
