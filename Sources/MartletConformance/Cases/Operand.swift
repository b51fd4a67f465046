import MartletCore

/// An input of a case: host values, and how its tensor lies in memory.
public struct Operand: Sendable {
    enum Values: Sendable {
        case floats([Float])
        case integers([Int32])
    }

    /// The ways a tensor of given elements can lie in memory.
    enum Layout: Sendable, Hashable {
        case dense
        /// In memory the axes have this order.
        case permuted([Int])
        /// Inside a larger array, whose other elements are NaN (or far outside every axis, for integers).
        case sliced(axis: Int)
        /// As `sliced`, every second element of an axis.
        case stepped(axis: Int)
        /// Waiting work that nothing has asked for yet.
        case waiting
    }

    private(set) var values: Values
    let shape: [Int]
    var layout = Layout.dense

    init(_ values: [Float], _ shape: [Int]) {
        self.values = .floats(values)
        self.shape = shape
    }

    init(_ values: [Int32], _ shape: [Int]) {
        self.values = .integers(values)
        self.shape = shape
    }

    var isFloat: Bool { if case .floats = values { true } else { false } }
    var count: Int { shape.reduce(1, *) }

    func laid(_ layout: Layout) -> Operand {
        var copy = self
        copy.layout = layout
        return copy
    }

    mutating func mapFloats(_ transform: (Float) -> Float) {
        if case .floats(let old) = values { values = .floats(old.map(transform)) }
    }

    mutating func set(_ index: Int, _ value: Float) {
        if case .floats(var old) = values {
            old[index] = value
            values = .floats(old)
        }
    }

    var reference: Reference {
        switch values {
        case .floats(let floats): Reference(shape, floats.map(Double.init))
        case .integers(let integers): Reference(shape, integers.map(Double.init))
        }
    }

    /// A layout that this operand can have.
    func randomLayout(_ random: inout CaseRandom) -> Layout {
        let order = Array(shape.indices).shuffled(using: &random)
        let kind = random.int(0...4), axis = shape.isEmpty ? 0 : random.int(0...shape.count - 1)
        if kind == 4 { return isFloat ? .waiting : .dense }
        if shape.isEmpty { return .dense }
        return [.dense, .permuted(order), .sliced(axis: axis), .stepped(axis: axis)][kind]
    }

    /// The elements on a device, laid out as asked.
    func tensor(on device: any Device) throws -> Tensor {
        switch layout {
        case .dense: return try upload(shape, device) { $0 }
        case .waiting: return try upload(shape, device) { $0 } * 1
        case .permuted(let order):
            var inverse = order
            for (position, axis) in order.enumerated() { inverse[axis] = position }
            let stored = order.map { shape[$0] }
            let source = Indexer(shape)
            return try upload(stored, device) { flat in
                let index = Indexer(stored).index(flat)
                return source.flat(inverse.map { index[$0] })
            }.permuted(inverse)
        case .sliced(let axis):
            return try surrounded(axis: axis, before: 1, after: 2, step: 1, on: device)
        case .stepped(let axis):
            return try surrounded(axis: axis, before: 1, after: 1, step: 2, on: device)
        }
    }

    private func surrounded(axis: Int, before: Int, after: Int, step: Int, on device: any Device) throws -> Tensor {
        var stored = shape
        let end = before + shape[axis] * step
        stored[axis] = end + after
        let outside = Indexer(stored), inside = Indexer(shape)
        return try upload(stored, device) { flat in
            var index = outside.index(flat)
            let place = index[axis] - before
            guard place >= 0, place < end - before, place % step == 0 else { return nil }
            index[axis] = place / step
            return inside.flat(index)
        }.sliced(axis: axis, before..<end, step: step)
    }

    /// A dense tensor whose elements come from the flat positions that `source` names; rubbish where it names none.
    private func upload(_ stored: [Int], _ device: any Device, _ source: (Int) -> Int?) throws -> Tensor {
        let positions = (0..<stored.reduce(1, *)).map(source)
        switch values {
        case .floats(let floats):
            return try Tensor(positions.map { $0.map { floats[$0] } ?? Float.nan }, shape: stored).on(device)
        case .integers(let integers):
            return try Tensor(positions.map { $0.map { integers[$0] } ?? Int32(99_999) }, shape: stored).on(device)
        }
    }
}

/// Positions in a row-major array.
struct Indexer {
    let shape: [Int]

    init(_ shape: [Int]) { self.shape = shape }

    func index(_ flat: Int) -> [Int] {
        var index = shape, rest = flat
        for axis in shape.indices.reversed() {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }

    func flat(_ index: [Int]) -> Int {
        var flat = 0
        for axis in shape.indices { flat = flat * shape[axis] + index[axis] }
        return flat
    }
}
