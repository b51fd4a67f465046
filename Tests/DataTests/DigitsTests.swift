import MartletData
import Testing

@Suite struct DigitsTests {
    @Test func storedSize() throws {
        let digits = try Digits()
        #expect(digits.count == 1797)
        #expect(digits.sampleShape == [1, 8, 8])
        #expect(digits.classNames == (0..<10).map(String.init))
        let first = try digits.sample(at: 0)
        #expect(first.shape == [1, 1, 8, 8])
        #expect(first.labels == [0])
        #expect(Array(first.inputs.prefix(8)) == [0, 0, 5, 13, 9, 1, 0, 0].map { $0 / 16 })
        let all = digits.all
        #expect(all.inputs.allSatisfy { (0...1).contains($0) })
        #expect(all.inputs.max() == 1)
        // The counts of each class, as the data set's documentation gives them.
        let counts = (0..<10).map { digit in all.labels.count { $0 == digit } }
        #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    }

    @Test func heldOutRows() throws {
        let parts = try Digits().split()
        #expect(parts.validation.rows.prefix(3) == [4, 9, 14])
        #expect(parts.training.rows.prefix(5) == [0, 1, 2, 3, 5])
        #expect(parts.validation.count == 359)
        #expect(parts.training.count == 1438)
        #expect(parts.validation.label(at: 0) == 4)
    }

    @Test func fractionalSplit() throws {
        let digits = try Digits()
        let parts = try digits.split(validation: 0.2, seed: 7)
        #expect(parts.validation.count == 359)
        #expect(Set(parts.training.rows).union(parts.validation.rows).count == 1797)
        #expect(Set(parts.training.rows).isDisjoint(with: parts.validation.rows))
        #expect(try digits.split(validation: 0.2, seed: 7).validation.rows == parts.validation.rows)
        #expect(try digits.split(validation: 0.2, seed: 8).validation.rows != parts.validation.rows)
        for fraction in [0, 1, -0.5, .nan, .infinity] {
            #expect(throws: DataError.self) { try digits.split(validation: fraction, seed: 1) }
        }
        #expect(throws: DataError.self) { try digits.split(holdingOutEvery: 1) }
        #expect(throws: DataError.self) { try digits.split(holdingOutEvery: 1798) }
    }

    @Test func sizesOutsideTheBoundsAreRefused() throws {
        for size in [0, -1, 1025, .max] {
            #expect(throws: DataError.self) { try Digits(size: size) }
        }
        #expect(try Digits(size: 1).sampleShape == [1, 1, 1])
    }
}
