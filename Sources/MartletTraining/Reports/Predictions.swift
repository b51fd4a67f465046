import MartletCore
import MartletData
import MartletNN

/// What a classifier makes of each sample of a data set.
struct Predictions {
    /// The sample's class, the likeliest one, and how likely the two are.
    struct Entry {
        let index: Int
        let label: Int
        let predicted: Int
        let probability: Float
        let labelProbability: Float
        var isRight: Bool { label == predicted }
    }

    let entries: [Entry]
    let classNames: [String]

    /// - Parameter stop: asked between batches; true gives up by throwing `Interruption`.
    init(of model: any Layer, on dataset: any Dataset, batchSize: Int = 64, threads: Int = 2, stop: () -> Bool = { false }) throws
    {
        let batches = try BatchLoader(dataset, batchSize: batchSize, threads: threads).batches(epoch: 0)
        let classes = dataset.classNames.count
        var entries: [Entry] = []
        while let batch = try batches.next() {
            if stop() { throw Interruption() }
            let rows = try withoutGradients { try model(batch.images).softmax().floats() }
            for (row, index) in batch.indices.enumerated() {
                let values = rows[row * classes..<(row + 1) * classes], label = Int(batch.labels[row])
                let predicted = values.indices.max { values[$0] < values[$1] } ?? values.startIndex
                entries.append(
                    Entry(
                        index: index, label: label, predicted: predicted - values.startIndex, probability: values[predicted],
                        labelProbability: values[values.startIndex + label]))
            }
        }
        self.entries = entries
        classNames = dataset.classNames
    }

    /// Samples by class, a row each, and by the class they were taken for, a column each.
    var confusion: [[Int]] {
        var counts = [[Int]](repeating: [Int](repeating: 0, count: classNames.count), count: classNames.count)
        for entry in entries { counts[entry.label][entry.predicted] += 1 }
        return counts
    }

    /// The wrong ones, the most certain first.
    var mistakes: [Entry] { entries.filter { !$0.isRight }.sorted { ($1.probability, $0.index) < ($0.probability, $1.index) } }

    /// The right ones, the most certain first.
    var successes: [Entry] { entries.filter(\.isRight).sorted { ($1.probability, $0.index) < ($0.probability, $1.index) } }
}
