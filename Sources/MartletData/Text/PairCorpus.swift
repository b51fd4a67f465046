/// Sentences in two languages, line by line: the files PART.SOURCE and PART.TARGET of a folder, also .gz.
public struct PairCorpus: Sendable {
    /// Sentences and their translations.
    public struct Part: Sendable {
        public let name: String
        public let sources: [String]
        public let targets: [String]

        public var count: Int { sources.count }
    }

    public let source: String
    public let target: String
    public let training: Part
    public let validation: Part?
    /// Parts that are neither, by their names, such as `test` or `test_2016_flickr`.
    public let tests: [Part]

    /// Reads the folder. Throws where files are missing, or the two sides of a part have different numbers of lines.
    ///
    /// - Parameters:
    ///   - source: the ending of the files to translate from, such as `de`.
    ///   - target: the ending of those to translate to.
    public init(reading folder: String, source: String, target: String) throws(DataError) {
        try Folder.check(folder)
        let names = try Folder.contents(folder)
        let languages = Self.languages(names)
        for language in [source, target] where !languages.contains(language) || language.contains("/") {
            throw DataError(
                .missing, file: folder, problem: "holds no train.\(language) (nor train.\(language).gz)",
                remedy: languages.isEmpty
                    ? "give a folder with train.SOURCE and train.TARGET"
                    : "give as source and target two of \(languages.joined(separator: ", "))")
        }
        guard source != target else {
            throw DataError(.setting, problem: "source and target are both \(source)", remedy: "give two languages")
        }
        self.source = source
        self.target = target
        training = try Self.part("train", folder, names, source, target)
        let heldOut = ["val", "valid", "dev"].first { Self.file($0, source, names) != nil && Self.file($0, target, names) != nil }
        validation = try heldOut.map { name throws(DataError) in try Self.part(name, folder, names, source, target) }
        var tests: [Part] = []
        for name in Self.parts(names, source) where name != "train" && name != heldOut && Self.file(name, target, names) != nil {
            tests.append(try Self.part(name, folder, names, source, target))
        }
        self.tests = tests
    }

    /// The languages that a folder has training sentences in, in order.
    package static func languages(_ names: [String]) -> [String] {
        Set(
            names.compactMap { name -> String? in
                let fields = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                guard fields.first == "train", fields.count == 2 || fields.count == 3 && fields[2] == "gz", !fields[1].isEmpty,
                    fields[1] != "gz"
                else { return nil }
                return fields[1]
            }
        ).sorted()
    }

    /// Whether a folder looks like one of these.
    package static func isRecognized(_ folder: String) -> Bool {
        ((try? Folder.contents(folder)).map { languages($0).count >= 2 }) ?? false
    }

    static func parts(_ names: [String], _ language: String) -> [String] {
        Set(
            names.compactMap { name in
                for ending in [".\(language)", ".\(language).gz"] where name.hasSuffix(ending) {
                    return String(name.dropLast(ending.count))
                }
                return nil
            }
        ).sorted()
    }

    static func file(_ part: String, _ language: String, _ names: [String]) -> String? {
        ["\(part).\(language)", "\(part).\(language).gz"].first { names.contains($0) }
    }

    private static func part(_ name: String, _ folder: String, _ names: [String], _ source: String, _ target: String)
        throws(DataError) -> Part
    {
        var sides: [(path: String, lines: [String])] = []
        for language in [source, target] {
            guard let file = file(name, language, names) else {
                throw DataError(
                    .missing, file: folder, problem: "holds no \(name).\(language) (nor .gz)", remedy: "give both languages")
            }
            sides.append((folder + "/" + file, try TextFile.lines(folder + "/" + file)))
        }
        guard sides[0].lines.count == sides[1].lines.count else {
            throw DataError(
                .mismatch, file: sides[1].path,
                problem: "has \(sides[1].lines.count) lines, where \(sides[0].path) has \(sides[0].lines.count)",
                remedy: "give files in which each line translates the line of the same number")
        }
        guard !sides[0].lines.isEmpty else {
            throw DataError(.mismatch, file: sides[0].path, problem: "holds no lines", remedy: "give at least one sentence")
        }
        return Part(name: name, sources: sides[0].lines, targets: sides[1].lines)
    }
}
