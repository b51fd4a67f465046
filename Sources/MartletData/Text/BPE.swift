/// Byte-pair encoding: a word's characters, of which the neighbours that a table ranks first are joined until none of its pairs is
/// left. Gage, 1994; Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", 2016.
struct BPE: Sendable {
    /// What a pair of tokens is joined to.
    struct Merge: Sendable {
        let rank: Int32
        let token: Int32
    }

    /// The text of each token in UTF-8; nil for numbers that no token has.
    private(set) var tokens: [[UInt8]?] = []
    private(set) var ids: [[UInt8]: Int32] = [:]
    private var merges: [UInt64: Merge] = [:]
    /// Pairs in the order of their ranks.
    private(set) var pairs: [(Int32, Int32)] = []

    /// The token for characters that have none.
    var unknown: Int32?
    /// Whether neighbouring unknown characters are one token.
    var fusesUnknown = false
    /// Whether characters without a token are written as tokens of their bytes, <0x00> to <0xFF>.
    var fallsBackToBytes = false
    /// Whether a word that is a token is not taken apart.
    var keepsWholeWords = false
    /// What the tokens within a word begin with, and those at its end end with.
    var continuingPrefix: [UInt8] = []
    var endSuffix: [UInt8] = []

    mutating func add(_ token: [UInt8], id: Int32) {
        while tokens.count <= Int(id) { tokens.append(nil) }
        tokens[Int(id)] = token
        ids[token] = id
    }

    mutating func addMerge(_ left: Int32, _ right: Int32, into token: Int32) {
        let key = Self.key(left, right)
        if merges[key] == nil { merges[key] = Merge(rank: Int32(pairs.count), token: token) }
        pairs.append((left, right))
    }

    static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The tokens of a word; `fail` is told a character that has none.
    func encode(_ word: [Unicode.Scalar], fail: (Unicode.Scalar) throws(DataError) -> Void) throws(DataError) -> [Int32] {
        if word.isEmpty { return [] }
        if keepsWholeWords, let id = ids[Self.utf8(word[...])] { return [id] }
        var symbols: [Int32] = [], lastIsUnknown = false
        for (index, scalar) in word.enumerated() {
            var text = Array(UTF8.encode(scalar)!)
            if index > 0, !continuingPrefix.isEmpty { text = continuingPrefix + text }
            if index == word.count - 1, !endSuffix.isEmpty { text += endSuffix }
            if let id = ids[text] {
                symbols.append(id)
                lastIsUnknown = false
                continue
            }
            let bytes = fallsBackToBytes ? text.map { ids[Self.byteToken($0)] } : []
            if !bytes.isEmpty, !bytes.contains(nil) {
                symbols += bytes.compactMap { $0 }
                lastIsUnknown = false
            } else if let unknown {
                if !(fusesUnknown && lastIsUnknown) { symbols.append(unknown) }
                lastIsUnknown = true
            } else {
                try fail(scalar)
            }
        }
        return symbols.count <= 24 ? merged(symbols) : mergedByQueue(symbols)
    }

    static func byteToken(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16, uppercase: true)
        return Array("<0x\(digits.count < 2 ? "0" : "")\(digits)>".utf8)
    }

    static func utf8(_ scalars: ArraySlice<Unicode.Scalar>) -> [UInt8] { scalars.flatMap { Array(UTF8.encode($0)!) } }

    /// Joins the best pair again and again: quickest for the few characters of a word.
    private func merged(_ start: [Int32]) -> [Int32] {
        var symbols = start
        while symbols.count > 1 {
            var best: (merge: Merge, at: Int)?
            for index in 0..<symbols.count - 1 {
                guard let merge = merges[Self.key(symbols[index], symbols[index + 1])] else { continue }
                if best == nil || merge.rank < best!.merge.rank { best = (merge, index) }
            }
            guard let best else { break }
            symbols[best.at] = best.merge.token
            symbols.remove(at: best.at + 1)
        }
        return symbols
    }

    /// The same by a queue of pairs over a linked list: n log n for text without words.
    private func mergedByQueue(_ start: [Int32]) -> [Int32] {
        var symbols = start
        var next = Array(1...symbols.count), previous = Array(-1..<symbols.count - 1)
        var queue = PriorityQueue<Candidate>()
        func offer(_ left: Int) {
            guard left >= 0, next[left] < symbols.count, let merge = merges[Self.key(symbols[left], symbols[next[left]])] else {
                return
            }
            queue.push(Candidate(rank: merge.rank, position: left, token: merge.token))
        }
        for index in symbols.indices { offer(index) }
        while let candidate = queue.pop() {
            let left = candidate.position
            guard symbols[left] >= 0, next[left] < symbols.count else { continue }
            let right = next[left]
            guard let merge = merges[Self.key(symbols[left], symbols[right])], merge.token == candidate.token,
                merge.rank == candidate.rank
            else { continue }
            symbols[left] = merge.token
            symbols[right] = -1
            next[left] = next[right]
            if next[left] < symbols.count { previous[next[left]] = left }
            offer(previous[left])
            offer(left)
        }
        return symbols.filter { $0 >= 0 }
    }

    private struct Candidate: Comparable {
        let rank: Int32
        let position: Int
        let token: Int32

        static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
    }
}

/// A binary heap whose least element comes out first.
struct PriorityQueue<Element: Comparable> {
    private var heap: [Element] = []

    mutating func push(_ element: Element) {
        heap.append(element)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[child] >= heap[parent] { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Element? {
        guard let top = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return top }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2) where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return top }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
