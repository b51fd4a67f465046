import MartletCore

/// The keys and values of earlier positions, kept while text is generated token by token: [b, h, count, d] each.
///
/// Memory is taken ahead, so that a token costs a copy of its own keys and values only.
public final class KeyValueCache {
    /// The positions kept.
    public private(set) var count = 0
    private var stored: (keys: Tensor, values: Tensor)?
    private let firstCapacity: Int

    /// - Parameter capacity: positions to take memory for at first; it doubles when they are used up.
    public init(capacity: Int = 128) {
        precondition(capacity > 0, "KeyValueCache: capacity \(capacity)")
        firstCapacity = capacity
    }

    /// Adds the keys and values of the next positions, [b, h, t, d].
    public func append(_ keys: Tensor, _ values: Tensor) {
        precondition(
            keys.rank == 4 && keys.shape == values.shape
                && stored.map {
                    $0.keys.shape[0] == keys.shape[0] && $0.keys.shape[1] == keys.shape[1]
                        && $0.keys.shape[3] == keys.shape[3]
                } ?? true,
            "KeyValueCache.append: \(keys.shape) and \(values.shape) to \(stored?.keys.shape ?? [])")
        let needed = count + keys.shape[2]
        var capacity = stored?.keys.shape[2] ?? firstCapacity
        while capacity < needed { capacity *= 2 }
        var both = stored ?? (Tensor.zeros(shape(keys, capacity)), Tensor.zeros(shape(keys, capacity)))
        stored = nil
        if both.keys.shape[2] < capacity {
            both = (grown(both.keys, capacity), grown(both.values, capacity))
        }
        both.keys.replace(axis: 2, at: count, with: keys.detached)
        both.values.replace(axis: 2, at: count, with: values.detached)
        stored = both
        count = needed
    }

    /// All keys and values so far.
    public var contents: (keys: Tensor, values: Tensor)? {
        stored.map { ($0.keys.sliced(axis: 2, 0..<count), $0.values.sliced(axis: 2, 0..<count)) }
    }

    /// Forgets the positions from `count` on.
    public func truncate(to count: Int) {
        precondition((0...self.count).contains(count), "KeyValueCache.truncate: to \(count) of \(self.count)")
        self.count = count
    }

    /// Makes batch element i what `rows[i]` was (int32 [n]): the survivors of a beam search.
    public func select(_ rows: Tensor) {
        stored = stored.map { ($0.keys.gathered(rows), $0.values.gathered(rows)) }
    }

    private func shape(_ keys: Tensor, _ capacity: Int) -> [Int] { [keys.shape[0], keys.shape[1], capacity, keys.shape[3]] }

    private func grown(_ x: Tensor, _ capacity: Int) -> Tensor {
        var result = Tensor.zeros(shape(x, capacity))
        result.replace(axis: 2, at: 0, with: x)
        return result
    }
}
