/// Gathers what is wrong with annotations. Where data is read for training, the first that cannot be mended is thrown; where it
/// is checked, all are kept.
package final class BoxProblems {
    /// Whether to go on after what cannot be mended.
    let collectsAll: Bool
    /// In the order in which they were found.
    package private(set) var all: [DataError] = []
    /// Whether one of them cannot be mended.
    package private(set) var hasFailure = false

    package init(collectsAll: Bool) { self.collectsAll = collectsAll }

    /// Notes a problem that reading mends.
    func mend(_ problem: DataError) { all.append(problem) }

    /// Notes one that it cannot mend.
    func fail(_ problem: DataError) throws(DataError) {
        guard collectsAll else { throw problem }
        hasFailure = true
        all.append(problem)
    }

    /// Runs `body`; what it throws is a problem of its own.
    func attempt<Result>(_ body: () throws(DataError) -> Result) throws(DataError) -> Result? {
        do {
            return try body()
        } catch {
            try fail(error)
            return nil
        }
    }
}

/// A box as a file has it.
struct StatedBox {
    /// What the four numbers mean.
    enum Form {
        /// xmin, ymin, xmax, ymax, counted from 1, both corners inside.
        case corners
        /// x, y, width, height, counted from 0.
        case extents
    }

    var form: Form
    var values: [Double]
    var file: String
    var line: Int?
    /// What the box is of, for messages.
    var what: String

    /// The box inside an image; nil for one that is not there. What is wrong with it is noted.
    func checked(width: Int, height: Int, _ problems: BoxProblems) -> BoundingBox? {
        let (w, h) = (Double(width), Double(height))
        func note(_ problem: String, _ remedy: String) {
            problems.mend(DataError(.mismatch, file: file, line: line, problem: "\(what) \(problem)", remedy: remedy))
        }
        let numbers = values.map(text).joined(separator: ", ")
        guard values.allSatisfy(\.isFinite) else {
            note("has the box (\(numbers))", "give finite numbers; it is left out")
            return nil
        }
        var (x1, y1, x2, y2) = (values[0], values[1], values[2], values[3])
        switch form {
        case .corners:
            if x2 < x1 || y2 < y1 {
                if x2 > 0, y2 > 0, x1 - 1 + x2 <= w, y1 - 1 + y2 <= h, x1 >= 0, y1 >= 0 {
                    note(
                        "has the box (\(numbers)), which looks like x, y, width, height",
                        "give xmin, ymin, xmax, ymax; it is left out")
                    return nil
                }
                note(
                    "has the box (\(numbers)), whose corners are exchanged",
                    "give the smaller ones first; they are exchanged back")
                (x1, x2, y1, y2) = (min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2))
            }
            (x1, y1) = (x1 - 1, y1 - 1)
        case .extents:
            if x2 <= 0 || y2 <= 0 {
                note("has a box of \(text(x2)) x \(text(y2)) pixels", "give a width and height above 0; it is left out")
                return nil
            }
            if x1 + x2 > w + 1 || y1 + y2 > h + 1, x2 > x1, y2 > y1, x2 <= w, y2 <= h, x1 >= 0, y1 >= 0 {
                note(
                    "has the box [\(numbers)], which reaches beyond the image and looks like two corners",
                    "give x, y, width, height; it is left out")
                return nil
            }
            (x2, y2) = (x1 + x2, y1 + y2)
        }
        let box = BoundingBox(Float(x1), Float(y1), Float(x2), Float(y2)), inside = box.clipped(width: width, height: height)
        guard box.area > 0 else {
            note("has the box (\(numbers)), which has no area", "give a box of at least a pixel; it is left out")
            return nil
        }
        guard inside.area > 0 else {
            note("has the box (\(numbers)) outside the image of \(width) x \(height)", "move it inside; it is left out")
            return nil
        }
        // A pixel's tolerance: many tools count from 0 where the format counts from 1.
        if box.x1 < -1 || box.y1 < -1 || box.x2 > Float(width) + 1 || box.y2 > Float(height) + 1 {
            note(
                "has the box (\(numbers)) across the border of the image of \(width) x \(height)", "cut it there, as is done here"
            )
        }
        return inside
    }

    private func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}

/// The classes that annotations name.
struct ClassNames {
    private var places: [(name: String, file: String, line: Int?)] = []
    private var byName: [String: Int] = [:]
    private var byFold: [String: Int] = [:]

    /// The names, sorted.
    var sorted: [String] { byName.keys.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) } }

    /// How a name is told from others that mean the same: without case, spaces, hyphens and underscores.
    private static func fold(_ name: String) -> String {
        String(name.lowercased().filter { !$0.isWhitespace && $0 != "-" && $0 != "_" })
    }

    /// Takes note of a name. One that only differs in the way it is written from an earlier one is a problem.
    mutating func add(_ name: String, file: String, line: Int?, _ problems: BoxProblems) throws(DataError) {
        if byName[name] != nil { return }
        if let other = byFold[Self.fold(name)] {
            let first = places[other]
            let place = [first.file, first.line.map(String.init)].compactMap { $0 }.joined(separator: ":")
            try problems.fail(
                DataError(
                    .mismatch, file: file, line: line,
                    problem: "the class \(DataError.quote(name)) is written \(DataError.quote(first.name)) in \(place)",
                    remedy: "write it one way everywhere"))
            return
        }
        byName[name] = places.count
        byFold[Self.fold(name)] = places.count
        places.append((name, file, line))
    }
}
