/// Looking at all of a text, or of the files of sentence pairs.
extension DataSpec {
    /// Characters count as samples.
    static func checkText(_ path: String) -> DataCheck {
        var result = DataCheck()
        do throws(DataError) {
            let corpus = try TextCorpus(reading: path, validation: 0)
            result.samples = corpus.training.unicodeScalars.count
        } catch {
            result.problems = [error]
            result.isRefused = true
        }
        return result
    }

    /// Every file of every part: what is no UTF-8, sides of different lengths, and empty lines, which are learned from as they are.
    static func checkPairs(_ folder: String) -> DataCheck {
        var result = DataCheck()
        do throws(DataError) {
            try Folder.check(folder)
            let names = try Folder.contents(folder), languages = PairCorpus.languages(names)
            guard languages.count >= 2 else {
                throw DataError(
                    .missing, file: folder, problem: "holds training sentences in \(languages.count) languages",
                    remedy: "give train.SOURCE and train.TARGET")
            }
            for part in Set(languages.flatMap { PairCorpus.parts(names, $0) }).sorted() {
                checkPart(part, folder, names, languages, &result)
            }
        } catch {
            result.problems = [error]
            result.isRefused = true
        }
        return result
    }

    private static func checkPart(
        _ part: String, _ folder: String, _ names: [String], _ languages: [String], _ result: inout DataCheck
    ) {
        var sides: [(path: String, lines: [String])] = []
        for language in languages {
            guard let name = PairCorpus.file(part, language, names) else { continue }
            let path = folder + "/" + name
            do throws(DataError) {
                sides.append((path, try TextFile.lines(path)))
            } catch {
                result.problems.append(error)
                result.isRefused = true
            }
        }
        guard let first = sides.first else { return }
        result.samples += first.lines.count
        for side in sides {
            if side.lines.count != first.lines.count {
                result.problems.append(
                    DataError(
                        .mismatch, file: side.path,
                        problem: "has \(side.lines.count) lines, where \(first.path) has \(first.lines.count)",
                        remedy: "give files in which each line translates the line of the same number"))
                result.isRefused = true
            }
            if side.lines.isEmpty {
                result.problems.append(
                    DataError(.mismatch, file: side.path, problem: "holds no lines", remedy: "give a sentence"))
                result.isRefused = true
            }
            for (index, line) in side.lines.enumerated() where line.allSatisfy(\.isWhitespace) {
                result.problems.append(
                    DataError(
                        .mismatch, file: side.path, line: index + 1, problem: "is empty",
                        remedy: "leave the line out on both sides"))
            }
        }
    }
}
