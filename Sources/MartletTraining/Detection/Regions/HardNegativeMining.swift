import MartletData

/// Trains a linear machine a class. Positives are the objects' own boxes; of the many negatives those are kept that a machine gets
/// wrong or hardly right: a machine is trained, goes through more images, keeps what it finds hard there, and is trained again.
/// Girshick et al., 2014, section 2.3; Felzenszwalb et al., "Object detection with discriminatively trained part based models", 2010.
struct HardNegativeMining {
    private let features: RegionFeatures
    private let recipe: RCNNRecipe
    private let scale: Float
    private(set) var machines: [LinearSVM]
    /// The most negatives that a machine keeps: all machines together take at most half a gibibyte of them.
    private let most: Int
    /// New negatives after which a machine is trained again.
    private static let enough = 2000
    /// Negatives with a margin below this are forgotten, unless they hold the machine up.
    private static let easy: Float = -1.2

    init(_ features: RegionFeatures, classes: Int, scale: Float, _ recipe: RCNNRecipe) {
        (self.features, self.recipe, self.scale) = (features, recipe, scale)
        machines = (0..<classes).map { _ in LinearSVM(width: features.vectorWidth, recipe.svm) }
        most = max((1 << 29) / (classes * features.vectorWidth * 4), 2 * Self.enough)
    }

    mutating func train(_ run: RunContext, seed: UInt64) throws {
        try addPositives()
        var fresh = [Int](repeating: 0, count: machines.count), isTrained = [Bool](repeating: false, count: machines.count)
        var machines = machines
        defer { self.machines = machines }
        func solve(_ label: Int) {
            machines[label].solve(seed: seed)
            machines[label].evict(below: Self.easy, most: most)
            (fresh[label], isTrained[label]) = (0, true)
        }
        let width = features.vectorWidth
        for index in 0..<features.data.count {
            try run.checkStop()
            run.report("hard negatives", index + 1, features.data.count)
            let image = try features.image(index), rows = scaled(image.vectors)
            let overlaps = Self.largestOverlaps(image, features.data.annotation(at: index), classes: machines.count)
            for label in machines.indices where machines[label].count > 0 {
                rows.withUnsafeBufferPointer { rows in
                    for place in image.truths.count..<image.boxes.count where overlaps[label][place] < recipe.svmNegative {
                        let row = UnsafeBufferPointer(rebasing: rows[place * width..<(place + 1) * width])
                        if isTrained[label], machines[label].margin(row.baseAddress!) <= recipe.hardMargin { continue }
                        machines[label].add(row, isPositive: false)
                        fresh[label] += 1
                    }
                }
                if fresh[label] >= Self.enough { solve(label) }
            }
        }
        for label in machines.indices where machines[label].count > 0 && (fresh[label] > 0 || !isTrained[label]) {
            try run.checkStop()
            solve(label)
        }
    }

    private mutating func addPositives() throws {
        let width = features.vectorWidth
        for index in 0..<features.data.count where !features.data.annotation(at: index).objects.isEmpty {
            let image = try features.image(index), rows = scaled(image.vectors)
            rows.withUnsafeBufferPointer { rows in
                for (place, truth) in image.truths.enumerated() where machines.indices.contains(truth.label) {
                    machines[truth.label].add(
                        UnsafeBufferPointer(rebasing: rows[place * width..<(place + 1) * width]), isPositive: true)
                }
            }
        }
    }

    private func scaled(_ values: [Float]) -> [Float] { values.map { $0 * scale } }

    /// [class][region]: the largest overlap with an object of the class, those that count for nothing too.
    private static func largestOverlaps(_ image: RegionFeatures.OfImage, _ annotation: ImageAnnotation, classes: Int) -> [[Float]]
    {
        var largest = [[Float]](repeating: [Float](repeating: 0, count: image.boxes.count), count: classes)
        for object in annotation.objects where object.label < classes {
            for (place, box) in image.boxes.enumerated() {
                largest[object.label][place] = max(largest[object.label][place], box.overlap(with: object.box))
            }
        }
        return largest
    }
}
