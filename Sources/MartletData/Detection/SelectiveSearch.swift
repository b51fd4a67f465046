import Foundation

/// Proposes boxes that may hold objects: an image is segmented finely, and neighbouring regions that are alike in colour, texture, size
/// and fill are joined until one is left; every region on the way gives a box. Several colour spaces, scales and measures of likeness
/// make up for each other's blindness. Uijlings et al., "Selective search for object recognition", 2013.
public struct SelectiveSearch: Sendable, CustomStringConvertible {
    public enum Mode: String, Sendable, CaseIterable {
        /// Two colour spaces, two scales, two measures: 8 runs.
        case fast
        /// Five colour spaces, four scales, four measures: 80 runs.
        case quality
    }

    public var mode: Mode
    /// The width and height that larger images are brought to.
    public var longest: Int
    /// The shortest side of a box, in pixels of the image.
    public var smallest: Float
    /// The most boxes; nil for all.
    public var most: Int?
    /// Of the order in which boxes of one rank come.
    public var seed: UInt64

    public init(_ mode: Mode = .fast, longest: Int = 500, smallest: Float = 16, most: Int? = 2000, seed: UInt64 = 0) {
        (self.mode, self.longest, self.smallest, self.most, self.seed) = (mode, longest, smallest, most, seed)
    }

    /// All that its result depends on beside the image.
    public var description: String {
        "\(mode.rawValue) longest=\(longest) smallest=\(smallest) most=\(most.map(String.init) ?? "all") seed=\(seed)"
    }

    /// The regions that the first of the runs begins with: the width and height that the image is brought to, the region of each pixel,
    /// and how many regions there are.
    public func segments(in image: Image) -> (width: Int, height: Int, labels: [Int32], count: Int) {
        let small = reduced(image), (space, scales, _) = runs[0]
        let found = Segmentation(ColorPlanes(small, space), scale: scales[0], smallest: max(Int(scales[0]), 20))
        return (small.width, small.height, found.labels, found.count)
    }

    private func reduced(_ image: Image) -> Image {
        let factor = min(1, Float(longest) / Float(max(image.width, image.height)))
        return image.resized(width: max(Int(Float(image.width) * factor), 1), height: max(Int(Float(image.height) * factor), 1))
    }

    private var runs: [(ColorPlanes.Space, [Float], [Likeness])] {
        switch mode {
        case .fast: [.hsv, .lab].map { ($0, [50, 100], [.all, .withoutColor]) }
        case .quality:
            ColorPlanes.Space.allCases.map { ($0, [50, 100, 150, 300], [.all, .withoutColor, [.fill], [.size]]) }
        }
    }

    /// The boxes of an image, the likeliest first: those that came late in a run, in an order that is part chance.
    public func boxes(in image: Image) -> [BoundingBox] {
        let small = reduced(image)
        let (x, y) = (Float(image.width) / Float(small.width), Float(image.height) / Float(small.height))
        var random = SampleRandom(seed: seed, 77), ranked: [(rank: Float, box: BoundingBox)] = []
        for (space, scales, measures) in runs {
            let planes = ColorPlanes(small, space), texture = RegionTexture(planes)
            for scale in scales {
                let segments = Segmentation(planes, scale: scale, smallest: max(Int(scale), 20))
                let regions = RegionStatistics.all(segments, planes, texture)
                for measure in measures {
                    var grouping = RegionGrouping(regions, pixels: small.width * small.height, measure)
                    let found = grouping.run()
                    // The last ones are the largest groups.
                    for (place, box) in found.reversed().enumerated() {
                        ranked.append((random.uniform() * Float(place + 1), box))
                    }
                }
            }
        }
        var seen: Set<BoundingBox> = [], result: [BoundingBox] = []
        for index in ranked.indices.sorted(by: { (ranked[$0].rank, $0) < (ranked[$1].rank, $1) }) {
            let box = ranked[index].box
            guard seen.insert(box).inserted else { continue }
            let scaled = box.scaled(x: x, y: y)
            guard scaled.width >= smallest, scaled.height >= smallest else { continue }
            result.append(scaled)
            if result.count == most { break }
        }
        return result
    }

    /// What regions are compared by.
    struct Likeness: OptionSet, Sendable {
        let rawValue: Int
        static let color = Likeness(rawValue: 1), texture = Likeness(rawValue: 2)
        static let size = Likeness(rawValue: 4), fill = Likeness(rawValue: 8)
        static let all: Likeness = [.color, .texture, .size, .fill]
        static let withoutColor: Likeness = [.texture, .size, .fill]
    }
}

/// How strongly an image changes in eight directions, in ten steps, for each pixel and channel.
struct RegionTexture {
    static let directions = 8
    static let steps = 10
    /// [pixel][channel * 8 + direction]: the step.
    let bins: [UInt8]

    init(_ planes: ColorPlanes) {
        let smooth = planes.blurred(deviation: 1), (width, height) = (planes.width, planes.height)
        let angles = (0..<Self.directions).map { Float($0) * 2 * .pi / Float(Self.directions) }
        let sines = angles.map { sin($0) }, cosines = angles.map { cos($0) }
        bins = [UInt8](unsafeUninitializedCapacity: width * height * 24) { target, initialized in
            smooth.values.withUnsafeBufferPointer { values in
                for y in 0..<height {
                    for x in 0..<width {
                        let left = 3 * (y * width + max(x - 1, 0)), right = 3 * (y * width + min(x + 1, width - 1))
                        let above = 3 * (max(y - 1, 0) * width + x), below = 3 * (min(y + 1, height - 1) * width + x)
                        for channel in 0..<3 {
                            let dx = values[right + channel] - values[left + channel]
                            let dy = values[below + channel] - values[above + channel]
                            for direction in 0..<Self.directions {
                                // Half the range of the values is the strongest that is told apart.
                                let response = max(0, dx * cosines[direction] + dy * sines[direction])
                                target[(y * width + x) * 24 + channel * 8 + direction] = UInt8(min(response / 12.8, 9))
                            }
                        }
                    }
                }
            }
            initialized = width * height * 24
        }
    }
}

/// What is known of a region.
struct RegionStatistics {
    static let colorSteps = 25

    var size: Int
    var x1, y1, x2, y2: Int
    /// Shares of the pixels, that sum to 1.
    var color: [Float]
    var texture: [Float]
    var neighbours: Set<Int>

    var box: BoundingBox { BoundingBox(Float(x1), Float(y1), Float(x2), Float(y2)) }

    static func all(_ segments: Segmentation, _ planes: ColorPlanes, _ texture: RegionTexture) -> [RegionStatistics] {
        let (width, height) = (planes.width, planes.height)
        var regions = [RegionStatistics](
            repeating: RegionStatistics(
                size: 0, x1: width, y1: height, x2: 0, y2: 0, color: Array(repeating: 0, count: 3 * colorSteps),
                texture: Array(repeating: 0, count: 24 * RegionTexture.steps), neighbours: []), count: segments.count)
        for y in 0..<height {
            for x in 0..<width {
                let pixel = y * width + x, label = Int(segments.labels[pixel])
                regions[label].size += 1
                regions[label].x1 = min(regions[label].x1, x)
                regions[label].x2 = max(regions[label].x2, x + 1)
                regions[label].y1 = min(regions[label].y1, y)
                regions[label].y2 = max(regions[label].y2, y + 1)
                for channel in 0..<3 {
                    let step = min(Int(max(planes.values[3 * pixel + channel], 0) * Float(colorSteps) / 256), colorSteps - 1)
                    regions[label].color[channel * colorSteps + step] += 1
                }
                for entry in 0..<24 {
                    regions[label].texture[entry * RegionTexture.steps + Int(texture.bins[24 * pixel + entry])] += 1
                }
                func touch(_ other: Int) {
                    let neighbour = Int(segments.labels[other])
                    if neighbour != label {
                        regions[label].neighbours.insert(neighbour)
                        regions[neighbour].neighbours.insert(label)
                    }
                }
                if x + 1 < width { touch(pixel + 1) }
                if y + 1 < height { touch(pixel + width) }
            }
        }
        for index in regions.indices {
            let size = Float(regions[index].size)
            regions[index].color = regions[index].color.map { $0 / (3 * size) }
            regions[index].texture = regions[index].texture.map { $0 / (24 * size) }
        }
        return regions
    }
}

/// Joins the two neighbouring regions that are most alike, until one is left.
struct RegionGrouping {
    private var regions: [RegionStatistics]
    private var isGone: [Bool]
    private let pixels: Float
    private let likeness: SelectiveSearch.Likeness
    private var heap: [(score: Float, a: Int, b: Int)] = []

    init(_ regions: [RegionStatistics], pixels: Int, _ likeness: SelectiveSearch.Likeness) {
        self.regions = regions
        isGone = [Bool](repeating: false, count: regions.count)
        self.pixels = Float(pixels)
        self.likeness = likeness
    }

    /// The boxes of all regions, the first ones first.
    mutating func run() -> [BoundingBox] {
        for (index, region) in regions.enumerated() {
            for neighbour in region.neighbours where neighbour > index { push((score(index, neighbour), index, neighbour)) }
        }
        while let (_, a, b) = pop() {
            if isGone[a] || isGone[b] { continue }
            let joined = join(a, b)
            for neighbour in regions[joined].neighbours.sorted() { push((score(neighbour, joined), neighbour, joined)) }
        }
        return regions.map(\.box)
    }

    private mutating func join(_ a: Int, _ b: Int) -> Int {
        let (p, q) = (regions[a], regions[b]), number = regions.count
        let size = p.size + q.size, share = Float(p.size) / Float(size)
        var joined = RegionStatistics(
            size: size, x1: min(p.x1, q.x1), y1: min(p.y1, q.y1), x2: max(p.x2, q.x2), y2: max(p.y2, q.y2),
            color: zip(p.color, q.color).map { $0 * share + $1 * (1 - share) },
            texture: zip(p.texture, q.texture).map { $0 * share + $1 * (1 - share) }, neighbours: p.neighbours.union(q.neighbours)
        )
        joined.neighbours.remove(a)
        joined.neighbours.remove(b)
        for neighbour in joined.neighbours {
            regions[neighbour].neighbours.remove(a)
            regions[neighbour].neighbours.remove(b)
            regions[neighbour].neighbours.insert(number)
        }
        (isGone[a], isGone[b]) = (true, true)
        (regions[a].color, regions[a].texture, regions[b].color, regions[b].texture) = ([], [], [], [])
        regions.append(joined)
        isGone.append(false)
        return number
    }

    private func score(_ a: Int, _ b: Int) -> Float {
        let (p, q) = (regions[a], regions[b])
        var score: Float = 0
        func common(_ x: [Float], _ y: [Float]) -> Float {
            var sum: Float = 0
            for index in x.indices { sum += min(x[index], y[index]) }
            return sum
        }
        if likeness.contains(.color) { score += common(p.color, q.color) }
        if likeness.contains(.texture) { score += common(p.texture, q.texture) }
        if likeness.contains(.size) { score += 1 - Float(p.size + q.size) / pixels }
        if likeness.contains(.fill) {
            let area = (max(p.x2, q.x2) - min(p.x1, q.x1)) * (max(p.y2, q.y2) - min(p.y1, q.y1))
            score += 1 - (Float(area) - Float(p.size + q.size)) / pixels
        }
        return score
    }

    // The likeliest pair on top; of equal ones the first regions.

    private func isAbove(_ x: (score: Float, a: Int, b: Int), _ y: (score: Float, a: Int, b: Int)) -> Bool {
        x.score != y.score ? x.score > y.score : (x.a, x.b) < (y.a, y.b)
    }

    private mutating func push(_ entry: (score: Float, a: Int, b: Int)) {
        heap.append(entry)
        var at = heap.count - 1
        while at > 0, isAbove(heap[at], heap[(at - 1) / 2]) {
            heap.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    private mutating func pop() -> (score: Float, a: Int, b: Int)? {
        guard let top = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return top }
        heap[0] = last
        var at = 0
        while true {
            var best = at
            for child in [2 * at + 1, 2 * at + 2] where child < heap.count && isAbove(heap[child], heap[best]) { best = child }
            if best == at { return top }
            heap.swapAt(at, best)
            at = best
        }
    }
}
