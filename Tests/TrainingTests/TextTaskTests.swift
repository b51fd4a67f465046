import Foundation
import Martlet
import Testing

/// The tasks of text: the same bits again, exact resume, the right losses, and refusals.
@Suite(.serialized) struct TextTaskTests {
    @Test(arguments: TestDevices.ids, ["lstm", "gpt", "transformer"]) func resumingContinuesTheSameBits(
        device id: String, model: String
    ) throws {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let fixture = try TextFixture()
            _ = try fixture.trainer(model, to: "whole", on: device).run()
            var asked = 0
            let stopped = try fixture.trainer(model, to: "parts", on: device).run(stop: {
                asked += 1
                return asked > 5 ? 15 : nil
            })
            #expect(stopped.signal == 15)
            #expect(try fixture.checkpoint("whole")[0] != fixture.checkpoint("parts")[0])
            let end = try fixture.trainer(model, to: "parts", resuming: true, on: device).run()
            #expect(end.signal == nil)
            #expect(try fixture.checkpoint("whole") == fixture.checkpoint("parts"), "\(id) \(model)")
            let best = try #require(end.best)
            #expect(best.metric == (model == "transformer" ? "bleu" : "perplexity"))
            let last = try #require(end.last)
            let loss = try #require(last.validationLoss)
            if model != "transformer" { #expect(abs(last.metrics[0].value - exp(loss)) < 1e-6 * exp(loss)) }
            // The run can be judged and used without anything but its folder and the data.
            let source = try TrainedSource(run: fixture.folder + "/parts")
            let (split, result) = try source.model().workload.evaluate(EvaluationPlan(source: source))
            #expect(split == (model == "transformer" ? "test" : "val") && result.loss.isFinite && result.samples > 0)
        }
    }

    /// The state that is carried counts: the second piece of each stream is read behind the first.
    @Test func streamsCarryTheirState() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let model = withSeed(1) { LSTMLanguageModel(vocabularySize: 7, width: 8, layers: 1) }
            let text = (0..<41).map { Int32($0 * $0 % 7) }
            let task = try LanguageModelTask(
                model, name: "t", training: text, validation: [], batching: .streams, context: 8, batchSize: 2, seed: 0)
            #expect(task.batchCount == 3)
            let batches = task.batches(from: LoaderState())
            var losses: [(Float, Int)] = []
            while let batch = try batches.next() { losses.append((try batch.loss().item(), batch.count)) }
            // The last piece of the 20 tokens of a stream has 4.
            #expect(losses.map(\.1) == [16, 16, 8] && batches.state == LoaderState(epoch: 1, batch: 0))
            #expect(task.carried.map(\.name) == ["hidden", "cell"])
            let inputs = Tensor(Array(text[..<20]) + Array(text[20..<40]), shape: [2, 20])
            let labels = Array(text[1..<21]) + Array(text[21..<41])
            let whole = try crossEntropy(model(inputs).reshaped([40, 7]), labels).item()
            let sum = losses.reduce(Float(0)) { $0 + $1.0 * Float($1.1) }
            #expect(abs(sum / 40 - whole) < 1e-5)
            // From the start again, the state is forgotten.
            let again = try #require(try task.batches(from: LoaderState(epoch: 1, batch: 0)).next())
            #expect(abs(try again.loss().item() - losses[0].0) < 1e-6)
            #expect(throws: TrainingError.self) { try task.restore(carried: ["hidden": Tensor.zeros([1, 3, 8])]) }
        }
    }

    @Test func windowsFollowFromSeedAndPositionAlone() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let model = withSeed(1) { GPT(.init(vocabularySize: 7, context: 8, layers: 1, heads: 1, width: 8, dropout: 0)) }
            let text = (0..<200).map { Int32($0 * $0 % 7) }
            func losses(_ seed: UInt64, from batch: Int = 0) throws -> [Float] {
                let task = try LanguageModelTask(
                    model, name: "t", training: text, validation: [], batching: .windows, context: 8, batchSize: 5, seed: seed)
                #expect(task.batchCount == 4)
                let batches = task.batches(from: LoaderState(epoch: 2, batch: batch))
                var all: [Float] = []
                while let batch = try batches.next() { all.append(try batch.loss().item()) }
                return all
            }
            let first = try losses(3)
            #expect(try first == losses(3) && Array(first[2...]) == losses(3, from: 2) && first != losses(4))
        }
    }

    /// Each token of the text is judged once, whatever the batches.
    @Test func judgingDoesNotDependOnTheBatches() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let model = withSeed(1) { GPT(.init(vocabularySize: 7, context: 8, layers: 1, heads: 1, width: 8, dropout: 0.5)) }
            let text = (0..<100).map { Int32($0 * $0 % 7) }
            let results = try [1, 3, 50].map {
                try LanguageModelTask.evaluate(model, on: text, batching: .windows, context: 8, batchSize: $0)
            }
            #expect(results.allSatisfy { $0.samples == 99 && abs($0.loss - results[0].loss) < 1e-6 })
            var sum = 0.0
            for start in stride(from: 0, to: 99, by: 8) {
                let count = min(8, 99 - start)
                let logits = model(Tensor(Array(text[start..<start + count]), shape: [1, count]))
                sum += try Double(
                    crossEntropy(logits.reshaped([count, 7]), Array(text[start + 1..<start + 1 + count]), reduction: .sum).item())
            }
            #expect(abs(results[0].loss - sum / 99) < 1e-6)
        }
    }

    @Test func batchesOfSentencesHoldTheirTokens() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let fixture = try TextFixture()
            let plan = try fixture.plan("transformer"), task = try plan.model.workload.prepare(plan).task
            var seen = 0, batches = 0
            let pass = try task.batches(from: LoaderState())
            while let batch = try pass.next() {
                #expect(batch.count <= 200)
                seen += batch.count
                batches += 1
            }
            #expect(batches == task.batchCount && pass.state == LoaderState(epoch: 1, batch: 0))
            let corpus = try PairCorpus(reading: fixture.folder + "/pairs", source: "a", target: "b")
            let words = try #require(try plan.model.workload.prepare(plan).files.first)
            try AtomicFile.write(words.bytes, to: fixture.folder + "/t.json")
            let tokenizer = try Tokenizer(reading: fixture.folder + "/t.json")
            // Every token of every target, and an end for each.
            #expect(try seen == tokenizer.encode(all: corpus.training.targets).reduce(0) { $0 + $1.count + 1 })
        }
    }

    /// GPT-2's weights under the names of either kind of file that people share, with the masks that older ones hold.
    @Test(arguments: ["", "transformer."]) func gpt2FilesLoadUnchanged(prefix: String) throws {
        try withDevice(try TestDevices.named("cpu")) {
            let fixture = try TextFixture(), path = fixture.folder + "/model.safetensors"
            let options = GPT.Options(vocabularySize: 9, context: 6, layers: 2, heads: 2, width: 4, dropout: 0)
            let made = withSeed(1) { GPT(options) }, loaded = withSeed(2) { GPT(options) }
            var tensors = try ModelState.tensors(of: made).map {
                TensorToStore(prefix + $0.name, shape: $0.shape, $0.values)
            }
            for layer in 0..<2 {
                let mask = [Float](repeating: 1, count: 36)
                tensors.append(TensorToStore("\(prefix)h.\(layer).attn.bias", shape: [1, 1, 6, 6], .floats(mask)))
                tensors.append(TensorToStore("\(prefix)h.\(layer).attn.masked_bias", shape: [1], .floats([-1e4])))
            }
            tensors.append(TensorToStore("lm_head.weight", shape: [9, 4], .floats(try made.wte.weight.value.floats())))
            try SafeTensors.write(tensors, metadata: ["format": "pt"], to: path)
            let notes = try ModelState.load(try WeightFile.read(path), into: loaded)
            #expect(notes.contains { $0.contains("attn.bias") && $0.contains("2 more") }, "\(notes)")
            let tokens = Tensor([1, 2, 3, 8, 0, 4] as [Int32], shape: [1, 6])
            #expect(try loaded(tokens).floats() == made(tokens).floats())
            tensors.removeAll { $0.name.hasSuffix("ln_f.bias") }
            try SafeTensors.write(tensors, metadata: [:], to: path)
            #expect { try ModelState.load(try WeightFile.read(path), into: loaded) } throws: {
                "\($0)".contains("ln_f.bias is missing")
            }
        }
    }

    @Test func whatIsTooShortOrTooLong() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let fixture = try TextFixture()
            func refusal(_ model: String, _ more: [String: String], batch: Int? = nil) throws -> String {
                var plan = try fixture.plan(model, more: more)
                if let batch { plan.batchSize = batch }
                return try #require(
                    #expect(throws: TrainingError.self) { _ = try plan.model.workload.prepare(plan) }
                ).description
            }
            #expect(try refusal("gpt", ["context": "100000"]).contains("smaller --set context"))
            #expect(try refusal("lstm", [:], batch: 100_000).contains("smaller --batch-size"))
            #expect(try refusal("gpt", ["heads": "3"]).contains("does not divide"))
            #expect(try refusal("transformer", ["longest": "2"]).contains("larger --set longest"))
            #expect(try refusal("transformer", [:], batch: 3).contains("counts tokens"))
        }
    }
}
