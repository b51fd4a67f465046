import MartletData

/// How much each class counts in the training loss, for data that has more of some than of others. The validation loss stays unweighted.
public enum ClassWeights {
    private static let key = Settings.Key(
        "class_weights", "",
        "weights of the classes in the training loss: balanced (samples / classes / samples of the class), or numbers in the classes' order"
    )
    /// The settings they have.
    public static let keys = [key]

    /// The weights for a training set; nil where all classes count alike.
    public static func weights(_ settings: Settings, for data: any Dataset) throws -> [Float]? {
        let text = settings.string(key), classes = data.classNames
        if text.isEmpty { return nil }
        if text == "balanced" {
            var counts = [Int](repeating: 0, count: classes.count)
            for index in 0..<data.count { counts[Int(data.label(at: index))] += 1 }
            // A class without samples takes no part.
            return counts.map { $0 == 0 ? 1 : Float(Double(data.count) / Double(classes.count) / Double($0)) }
        }
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
        guard numbers.count == classes.count, numbers.allSatisfy({ ($0 ?? -1) >= 0 && $0!.isFinite }),
            numbers.contains(where: { $0! > 0 })
        else {
            throw TrainingError(
                .input,
                "--set class_weights=\(text): give balanced, or \(classes.count) numbers of 0 or more, one for each of "
                    + "\(classes.prefix(6).joined(separator: ", "))\(classes.count > 6 ? ", ..." : "")")
        }
        return numbers.compactMap { $0 }
    }
}
