/// What a look at all of a data set has found.
public struct DataCheck: Sendable {
    /// Samples that can be used.
    public var samples = 0
    public var classNames: [String] = []
    /// All that is wrong, in the order of the data.
    public var problems: [DataError] = []
    /// Whether training refuses the data; false where it leaves out what is wrong.
    public var isRefused = false
}

extension DataSpec {
    /// Reads the data as training would, to its end, and tells all that is wrong with it rather than the first thing. Throws where
    /// the options do not apply.
    ///
    /// A kind of data whose parts can be wrong one by one has a case of its own here; the others are loaded, and tell the first
    /// thing.
    ///
    /// - Parameter progress: told how many parts were read, of how many; from any thread.
    public func check(
        _ options: DataOptions = DataOptions(), progress: @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws(DataError) -> DataCheck {
        try refuseWhatDoesNotApply(options)
        switch self {
        case .folder(let path): return try DataSpec.checkFolder(path, options, progress)
        case .csv(let path): return DataSpec.checkTable(path, options)
        case .text(let path): return DataSpec.checkText(path)
        case .pairs(let path): return DataSpec.checkPairs(path)
        case .scenes, .voc, .coco: return checkBoxes()
        default: return checkByLoading(options)
        }
    }

    /// Images with boxes: all that is wrong with their annotations, and images that cannot be read.
    private func checkBoxes() -> DataCheck {
        do throws(DataError) {
            let check = try DetectionCheck(self)
            return DataCheck(
                samples: check.samples, classNames: check.classes, problems: check.problems, isRefused: check.isRefused)
        } catch {
            return DataCheck(problems: [error], isRefused: true)
        }
    }

    /// Loads the data; the first thing wrong is all that is told.
    private func checkByLoading(_ options: DataOptions) -> DataCheck {
        var result = DataCheck()
        do throws(DataError) {
            let splits = try load(options)
            let parts: [any Dataset] = [splits.training] + [splits.validation, splits.test].compactMap { $0 }
            result.samples = parts.reduce(0) { $0 + $1.count }
            result.classNames = splits.training.classNames
        } catch {
            result.problems = [error]
            result.isRefused = true
        }
        return result
    }

    private static func checkFolder(
        _ path: String, _ options: DataOptions, _ progress: @Sendable (Int, Int) -> Void
    ) throws(DataError) -> DataCheck {
        var result = DataCheck(), listing: [DataError] = []
        let preparation = try photoPreparation(options)
        do throws(DataError) {
            let parts = try ImageFolder.parts(path, preparation: preparation) { problem throws(DataError) in
                listing.append(problem)
            }
            result.classNames = parts.training.classNames
            for part in [parts.training] + [parts.validation, parts.test].compactMap({ $0 }) {
                let bad = part.badFiles(progress: progress)
                result.samples += part.count - bad.count
                result.problems += bad
                if let emptied = part.emptiedClass(without: bad) { listing.append(emptied) }
            }
        } catch {
            listing.append(error)
        }
        result.isRefused = !listing.isEmpty || (options.badPhotos == .refuse && !result.problems.isEmpty)
        result.problems = listing + result.problems
        return result
    }

    private static func checkTable(_ path: String, _ options: DataOptions) -> DataCheck {
        var result = DataCheck()
        do throws(DataError) {
            let table = try CSVTable.read(path, options: options.csv) { problem throws(DataError) in
                result.problems.append(problem)
            }
            result.samples = table.rows
            result.classNames = table.classNames
        } catch {
            result.problems.append(error)
        }
        result.isRefused = !result.problems.isEmpty
        return result
    }
}
