import MartletData

/// What kinds of mistakes a detector makes. Hoiem, Chodpathumwan and Dai, "Diagnosing error in object detectors", 2012.
public struct DetectionMistakes: Sendable, Hashable {
    /// What a detection is.
    public enum Verdict: String, Sendable, CaseIterable {
        /// The right class, and an overlap of at least a half with an object that no better detection has.
        case right
        /// The right class, but an overlap of 0.1 to 0.5.
        case localisation
        /// An object of another class.
        case confusion
        /// An object that a better detection already has.
        case duplicate
        /// Nothing.
        case background
    }

    /// How many detections are what.
    public var counts: [Verdict: Int] = [:]
    /// Objects that no detection found.
    public var missed = 0

    /// Counts the detections whose score is at least `score`.
    public init(_ record: DetectionRecord, score: Float = 0.5) {
        for (truths, found) in zip(record.truths, record.detections) {
            let verdicts = Self.verdicts(truths, found.filter { $0.score >= score })
            for case let (verdict?, _) in verdicts { counts[verdict, default: 0] += 1 }
            let taken = Set(verdicts.filter { $0.0 == .right }.compactMap(\.1))
            missed += truths.indices.filter { !taken.contains($0) && !truths[$0].isDifficult && !truths[$0].isCrowd }.count
        }
    }

    public subscript(_ verdict: Verdict) -> Int { counts[verdict] ?? 0 }

    /// The verdict on each detection of an image, and the object it is about; nil for one that counts for nothing.
    public static func verdicts(_ truths: [ObjectAnnotation], _ found: [DetectedObject]) -> [(Verdict?, Int?)] {
        var taken: Set<Int> = []
        var verdicts = [(Verdict?, Int?)](repeating: (nil, nil), count: found.count)
        for index in found.indices.sorted(by: { (found[$1].score, $0) < (found[$0].score, $1) }) {
            let detection = found[index]
            func best(_ condition: (Int) -> Bool) -> (truth: Int, overlap: Float)? {
                truths.indices.filter(condition).map { ($0, detection.box.overlap(with: truths[$0].box)) }.max { $0.1 < $1.1 }
            }
            let own = best { truths[$0].label == detection.label }, other = best { truths[$0].label != detection.label }
            if let own, own.overlap >= 0.5 {
                if truths[own.truth].isDifficult || truths[own.truth].isCrowd { continue }
                let free = best { truths[$0].label == detection.label && !taken.contains($0) }
                if let free, free.overlap >= 0.5 {
                    taken.insert(free.truth)
                    verdicts[index] = (.right, free.truth)
                } else {
                    verdicts[index] = (.duplicate, own.truth)
                }
            } else if let other, other.overlap >= 0.5 {
                verdicts[index] = (.confusion, other.truth)
            } else if let own, own.overlap >= 0.1 {
                verdicts[index] = (.localisation, own.truth)
            } else if let other, other.overlap >= 0.1 {
                verdicts[index] = (.confusion, other.truth)
            } else {
                verdicts[index] = (.background, nil)
            }
        }
        return verdicts
    }
}
