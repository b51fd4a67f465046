/// The OpenCL C sources, a file for each op family and each part of a large one, as they stand in the binary.
public enum Kernels {
    /// The source of a family's kernels, such as `Matmul`, or of a part of them, such as `ReductionGroups`; nil where there is
    /// none of that name. A line `#include "Reduction.cl"` stands for that file.
    public static func source(_ family: String) -> String? {
        embeddedFiles[family + ".cl"].map { text in
            guard text.contains(include) else { return text }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            return lines.map { line in
                guard line.hasPrefix(include) else { return String(line) }
                let file = line.dropFirst(include.count).prefix { $0 != "." }
                guard let included = source(String(file)) else { preconditionFailure("\(family).cl includes \(file).cl") }
                return included
            }.joined(separator: "\n")
        }
    }

    private static let include = "#include \""

    /// The names of all families that have kernels, sorted.
    public static var families: [String] { embeddedFiles.keys.map { String($0.dropLast(3)) }.sorted() }
}
