/// Learns the merges of a byte-pair encoding from the counts of words: again and again the most frequent pair of neighbours becomes a
/// token. Of pairs equally frequent the one with the lower numbers is taken, so that the same words give the same vocabulary.
struct BPETrainer {
    /// The size that the vocabulary is brought to where the words have pairs enough.
    var vocabularySize: Int
    /// Pairs seen less often than this are left alone.
    var minimumCount = 2

    private struct Pair: Comparable {
        let count: Int
        let left: Int32
        let right: Int32

        /// The more frequent first.
        static func < (a: Pair, b: Pair) -> Bool { (b.count, a.left, a.right) < (a.count, b.left, b.right) }
    }

    /// Adds tokens and merges to a model that holds the alphabet.
    func train(_ model: inout BPE, words counted: [(word: [Unicode.Scalar], count: Int)]) {
        let counts = counted.map(\.count)
        var words = counted.map { entry in entry.word.compactMap { model.ids[Array(UTF8.encode($0)!)] } }
        var pairCounts: [UInt64: Int] = [:], places: [UInt64: Set<Int>] = [:]
        for (index, word) in words.enumerated() where word.count > 1 {
            for position in 1..<word.count {
                let key = BPE.key(word[position - 1], word[position])
                pairCounts[key, default: 0] += counts[index]
                places[key, default: []].insert(index)
            }
        }
        var queue = PriorityQueue<Pair>()
        func offer(_ key: UInt64, to queue: inout PriorityQueue<Pair>) {
            guard let count = pairCounts[key], count > 0 else { return }
            queue.push(Pair(count: count, left: Int32(key >> 32), right: Int32(truncatingIfNeeded: key)))
        }
        for key in pairCounts.keys { offer(key, to: &queue) }
        var size = model.tokens.count
        while size < vocabularySize, let top = queue.pop() {
            let key = BPE.key(top.left, top.right)
            guard let current = pairCounts[key], current == top.count else {
                offer(key, to: &queue)
                continue
            }
            if current < max(minimumCount, 1) { break }
            guard let left = model.tokens[Int(top.left)], let right = model.tokens[Int(top.right)] else { continue }
            let text = left + right
            let token = model.ids[text] ?? Int32(size)
            if model.ids[text] == nil {
                model.add(text, id: token)
                size += 1
            }
            model.addMerge(top.left, top.right, into: token)
            pairCounts[key] = nil
            var changed: Set<UInt64> = []
            for index in places.removeValue(forKey: key) ?? [] {
                Self.merge(&words[index], top.left, top.right, into: token) { pair, change in
                    if pair == key { return }
                    pairCounts[pair, default: 0] += change * counts[index]
                    if change > 0 {
                        places[pair, default: []].insert(index)
                        changed.insert(pair)
                    }
                }
            }
            for pair in changed { offer(pair, to: &queue) }
        }
    }

    /// Joins the pair within a word from left to right, and tells how the counts of its neighbours' pairs change.
    private static func merge(
        _ word: inout [Int32], _ left: Int32, _ right: Int32, into token: Int32, change: (UInt64, Int) -> Void
    ) {
        var index = 0
        while index + 1 < word.count {
            guard word[index] == left, word[index + 1] == right else {
                index += 1
                continue
            }
            if index > 0 {
                change(BPE.key(word[index - 1], left), -1)
                change(BPE.key(word[index - 1], token), 1)
            }
            if index + 2 < word.count {
                change(BPE.key(right, word[index + 2]), -1)
                change(BPE.key(token, word[index + 2]), 1)
            }
            word[index] = token
            word.remove(at: index + 1)
            index += 1
        }
    }
}
