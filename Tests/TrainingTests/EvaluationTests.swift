import Martlet
import MartletTraining
import Testing

@Suite struct EvaluationTests {
    /// The place of a sample's class is that in the descending order of its logits, where equal ones keep theirs.
    @Test func placesOfClasses() throws {
        let rows: [[Float]] = [
            [3, 1, 2, 0], [0, 0, 0, 0], [1, 1, -1, 1], [-.infinity, 2, .infinity, 2], [5, -0.0, 0, -3], [1e-37, 0, 2e-37, 0],
        ]
        for id in try Devices.list().usable.map(\.id) {
            try withDevice(try Devices.choose(id).device) {
                for label in 0..<4 {
                    let places = try classesAhead(
                        of: Tensor([Int32](repeating: Int32(label), count: rows.count)),
                        in: Tensor(rows.flatMap { $0 }, shape: [rows.count, 4])
                    ).floats()
                    for (row, place) in zip(rows, places) {
                        let order = row.indices.sorted { (row[$1], $0) < (row[$0], $1) }
                        #expect(place == Float(try #require(order.firstIndex(of: label))), "\(row), class \(label) on \(id)")
                    }
                }
                // What is no number is never behind, and a class with such a logit is never found.
                let broken = Tensor([.nan, 1, 2, 3, .nan, 0] as [Float], shape: [2, 3])
                #expect(try classesAhead(of: Tensor([0, 2] as [Int32]), in: broken).floats() == [3, 2], "\(id)")
            }
        }
    }
}
