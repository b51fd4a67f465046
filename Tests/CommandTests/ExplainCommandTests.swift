import Foundation
import Testing

struct ExplainCommandTests {
    @Test func writesFilesAndTellsFigures() throws {
        let scratch = Scratch()
        let result = try Program.run(
            ["explain", "batchnorm", "--set", "epochs=3", "--device", "cpu", "--out", "out", "--json"], in: scratch.path)
        #expect(result.status == 0 && result.outputLines.count == 1, "\(result.errors)")
        let object = try #require(try result.objects().first)
        #expect(Set(object.keys) == ["topic", "files", "figures"] && object["topic"] as? String == "batchnorm")
        let files = try #require(object["files"] as? [String])
        #expect(files.first == "out/batchnorm.html" && files.count > 3)
        #expect(try scratch.files("out").sorted() == files.map { String($0.dropFirst(4)) }.sorted())
        let figures = try #require(object["figures"] as? [String: Any])
        #expect(figures["stepsToLoss"] is [String: Any])
        // The same seed gives the same bytes.
        let again = try Program.run(
            ["explain", "batchnorm", "--set", "epochs=3", "--device", "cpu", "--out", "again"], in: scratch.path)
        #expect(again.status == 0)
        for file in try scratch.files("out") {
            #expect(try scratch.read("out/\(file)") == scratch.read("again/\(file)"), "\(file)")
        }
    }

    @Test func listsAndRefuses() throws {
        let scratch = Scratch()
        let list = try Program.run(["explain", "--list"], in: scratch.path)
        #expect(list.status == 0 && ["mlp", "batchnorm", "optimizers", "convolution"].allSatisfy(list.output.contains))
        for (arguments, words) in [
            ([], ["what to explain", "mlp"]), (["alchemy"], ["alchemy", "optimizers"]), (["mlp", "a.png"], ["a.png"]),
            (["mlp", "--data", "digits"], ["--data"]), (["batchnorm", "--set", "epochs=0"], ["epochs=0"]),
            (["mlp", "--run", "nowhere"], ["nowhere"]), (["convolution", "missing.jpg"], ["missing.jpg"]),
            (["convolution", "--model", "lenet"], ["--weights"]), (["mlp", "--set", "depth=3"], ["depth"]),
            (["mlp", "--out", "/dev/null/x", "--device", "cpu"], ["/dev/null/x"]),
        ] as [([String], [String])] {
            expectRefusal(
                try Program.run(
                    ["explain"] + arguments + (arguments.contains("cpu") ? [] : ["--device", "cpu"]), in: scratch.path),
                words, "\(arguments)")
        }
    }

    /// A trained perceptron has no convolution to look at.
    @Test func aModelWithoutConvolutionIsRefused() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        expectRefusal(
            try Program.run(["explain", "convolution", "--run", "run", "--device", "cpu"], in: scratch.path), ["no convolution"])
    }
}
