/// Lines of equal value in a field, by marching squares.
enum Contours {
    /// The corners of a cell, from the lower left against the clock; edge k goes from corner k to the next.
    private static let segments: [[(Int, Int)]] = [
        [], [(3, 0)], [(0, 1)], [(3, 1)], [(1, 2)], [(3, 0), (1, 2)], [(0, 2)], [(3, 2)], [(2, 3)], [(2, 0)], [(0, 1), (2, 3)],
        [(2, 1)], [(1, 3)], [(1, 0)], [(0, 3)], [],
    ]

    static func lines(of field: Field, at level: Double) -> [[Point]] {
        guard field.columns > 1, field.rows > 1 else { return [] }
        var links: [Int: [Int]] = [:], places: [Int: Point] = [:], order: [Int] = []
        for row in 0..<field.rows - 1 {
            for column in 0..<field.columns - 1 {
                let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
                let values = corners.map { field[$0.0, $0.1] }
                guard values.allSatisfy({ abs($0) < 1e100 }) else { continue }
                let code = values.enumerated().reduce(0) { $0 | ($1.element >= level ? 1 << $1.offset : 0) }
                for (from, to) in segments[code] {
                    let ends = [from, to].map { edge -> Int in
                        let key = self.key(edge, column, row, field.columns)
                        if places[key] == nil {
                            let (a, b) = (edge, (edge + 1) % 4), share = (level - values[a]) / (values[b] - values[a])
                            places[key] = place(corners[a], corners[b], share, field)
                            order.append(key)
                        }
                        return key
                    }
                    links[ends[0], default: []].append(ends[1])
                    links[ends[1], default: []].append(ends[0])
                }
            }
        }
        return chains(&links, order).map { $0.compactMap { places[$0] } }
    }

    /// One number an edge of the grid: horizontal ones even, upright ones odd.
    private static func key(_ edge: Int, _ column: Int, _ row: Int, _ columns: Int) -> Int {
        switch edge {
        case 0: 2 * (row * columns + column)
        case 1: 2 * (row * columns + column + 1) + 1
        case 2: 2 * ((row + 1) * columns + column)
        default: 2 * (row * columns + column) + 1
        }
    }

    private static func place(_ a: (Int, Int), _ b: (Int, Int), _ share: Double, _ field: Field) -> Point {
        let column = Double(a.0) + share * Double(b.0 - a.0), row = Double(a.1) + share * Double(b.1 - a.1)
        let width = field.x.upperBound - field.x.lowerBound, height = field.y.upperBound - field.y.lowerBound
        return Point(
            field.x.lowerBound + width * column / Double(field.columns - 1),
            field.y.lowerBound + height * row / Double(field.rows - 1))
    }

    /// Joins segments to lines: the open ones from their ends, then the rings.
    private static func chains(_ links: inout [Int: [Int]], _ order: [Int]) -> [[Int]] {
        var chains: [[Int]] = []
        for isRing in [false, true] {
            for start in order where isRing ? !(links[start] ?? []).isEmpty : links[start]?.count == 1 {
                var chain = [start]
                while let next = links[chain[chain.count - 1]]?.popLast() {
                    let last = chain[chain.count - 1]
                    if let back = links[next]?.firstIndex(of: last) { links[next]?.remove(at: back) }
                    chain.append(next)
                }
                chains.append(chain)
            }
        }
        return chains
    }
}
