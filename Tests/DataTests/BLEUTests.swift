import MartletData
import Testing

@Suite struct BLEUTests {
    struct Case: Decodable {
        let translations: [String]
        let references: [String]
        let score: Double
    }

    @Test func equalsSacreBLEU() throws {
        let cases = try golden("text/bleu.json", as: [Case].self)
        #expect(cases.count >= 9)
        for (index, test) in cases.enumerated() {
            let bleu = BLEU(test.translations, references: test.references)
            #expect(abs(bleu.score - test.score) < 0.01, "case \(index): \(bleu.score), not \(test.score)")
        }
    }

    @Test func partsOfTheScore() {
        let bleu = BLEU(["the cat sat on the mat"], references: ["the cat sat on the red mat today"])
        #expect(bleu.length == 6 && bleu.referenceLength == 8)
        #expect(bleu.precisions[0] == 100 && abs(bleu.precisions[1] - 80) < 1e-9)
        #expect(bleu.brevityPenalty < 1 && BLEU(["a b c d e"], references: ["a b c d"]).brevityPenalty == 1)
        #expect(BLEU([], references: []).score == 0)
    }
}
