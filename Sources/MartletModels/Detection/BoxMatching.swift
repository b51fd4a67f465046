import MartletCore

/// A box x1, y1, x2, y2 on the host.
public typealias HostBox = SIMD4<Float>

extension SIMD4<Float> {
    var boxArea: Float { (self[2] - self[0]) * (self[3] - self[1]) }

    /// Intersection over union; 0 where neither has an area.
    func boxOverlap(_ other: HostBox) -> Float {
        let low = pointwiseMax(self, other), high = pointwiseMin(self, other)
        let width = high[2] - low[0], height = high[3] - low[1]
        guard width > 0, height > 0 else { return 0 }
        let shared = width * height
        return shared / (boxArea + other.boxArea - shared)
    }
}

/// The random choices of a training step: SplitMix64 from a seed.
struct StepRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Which object each candidate box is meant to find.
struct BoxMatches {
    /// The object's number; `background` and `between` for none.
    var objects: [Int]

    static let background = -1
    /// Overlaps too much to be background and too little to be the object: counts for nothing.
    static let between = -2

    /// Labels candidates by their largest overlap: at least `high` finds the object, below `low` is background.
    ///
    /// - Parameter keepsBest: whether the candidates that overlap an object most find theirs however little that is, so that no
    ///   object goes without.
    init(_ candidates: [HostBox], _ truths: [HostBox], high: Float, low: Float, keepsBest: Bool) {
        guard !truths.isEmpty else {
            objects = [Int](repeating: Self.background, count: candidates.count)
            return
        }
        var best = [Float](repeating: -1, count: candidates.count), match = [Int](repeating: 0, count: candidates.count)
        var most = [Float](repeating: 0, count: truths.count)
        for (number, truth) in truths.enumerated() {
            for index in candidates.indices {
                let overlap = candidates[index].boxOverlap(truth)
                if overlap > best[index] { (best[index], match[index]) = (overlap, number) }
                if overlap > most[number] { most[number] = overlap }
            }
        }
        objects = best.indices.map { index in
            best[index] >= high ? match[index] : (best[index] < low ? Self.background : Self.between)
        }
        guard keepsBest else { return }
        for (number, truth) in truths.enumerated() where most[number] > 0 {
            for index in candidates.indices
            where best[index] >= most[number] && objects[index] < 0 || best[index] == most[number] {
                if candidates[index].boxOverlap(truth) == most[number] { objects[index] = match[index] }
            }
        }
    }

    /// At most `count` candidates, of which at most a share are positive and the rest background.
    func sampled(_ count: Int, positives share: Float, _ random: inout StepRandom) -> (positives: [Int], negatives: [Int]) {
        func some(_ indices: [Int], _ count: Int, _ random: inout StepRandom) -> [Int] {
            guard indices.count > count else { return indices }
            var indices = indices
            for place in 0..<count {
                indices.swapAt(place, place + Int(random.next(upperBound: UInt64(indices.count - place))))
            }
            return indices[..<count].sorted()
        }
        let positives = some(objects.indices.filter { objects[$0] >= 0 }, Int(Float(count) * share), &random)
        let negatives = some(objects.indices.filter { objects[$0] == Self.background }, count - positives.count, &random)
        return (positives, negatives)
    }
}

extension Tensor {
    /// Boxes from the host: [count, 4].
    init(boxes: [HostBox]) {
        self.init(boxes.flatMap { [$0[0], $0[1], $0[2], $0[3]] }, shape: [boxes.count, 4])
    }

    /// Boxes [..., 4] on the host. Waits for the device.
    func hostBoxes() throws -> [HostBox] {
        let values = try floats()
        return (0..<values.count / 4).map { HostBox(values[4 * $0], values[4 * $0 + 1], values[4 * $0 + 2], values[4 * $0 + 3]) }
    }
}

extension HostBox {
    /// Whether neither side is below a length.
    func isAtLeast(_ length: Float) -> Bool { self[2] - self[0] >= length && self[3] - self[1] >= length }
}
