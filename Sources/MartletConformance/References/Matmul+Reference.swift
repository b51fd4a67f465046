extension Reference {
    /// The matrix product over the last two axes, batches broadcast, three loops.
    func multiplied(by other: Reference) -> Reference {
        let m = shape[shape.count - 2], k = shape[shape.count - 1], n = other.shape[other.shape.count - 1]
        let mine = Array(shape.dropLast(2)), theirs = Array(other.shape.dropLast(2))
        let batch = Reference.combine([Reference(mine), Reference(theirs)]) { $0[0] }.shape
        var result = Reference(batch + [m, n])
        let batches = Indexer(batch)
        for number in 0..<batch.reduce(1, *) {
            let index = batches.index(number)
            let left = Reference.matrix(mine, index), right = Reference.matrix(theirs, index)
            for row in 0..<m {
                for column in 0..<n {
                    var sum = 0.0
                    for inner in 0..<k {
                        sum += values[(left * m + row) * k + inner] * other.values[(right * k + inner) * n + column]
                    }
                    result.values[(number * m + row) * n + column] = sum
                }
            }
        }
        return result
    }

    var transposed: Reference {
        var order = Array(shape.indices)
        order.swapAt(order.count - 1, order.count - 2)
        return permuted(order)
    }

    /// The number of the matrix that a batch index of the broadcast result falls on.
    private static func matrix(_ batch: [Int], _ index: [Int]) -> Int {
        let added = index.count - batch.count
        return batch.indices.reduce(0) { $0 * batch[$1] + (batch[$1] == 1 ? 0 : index[added + $1]) }
    }
}
