import Glibc
import Synchronization

/// The OpenCL C sources, a file for each op family and each part of a large one, as they stand in the binary.
public enum Kernels {
    /// The source of a family's kernels, such as `Matmul`, or of a part of them, such as `ReductionGroups`; nil where there is
    /// none of that name. A line `#include "Reduction.cl"` stands for that file.
    public static func source(_ family: String) -> String? {
        if let known = whole.withLock({ $0[family] }) { return known }
        guard let text = embeddedFiles[family + ".cl"] else { return nil }
        let resolved = text.holds(include) ? resolve(text, in: family) : text
        whole.withLock { $0[family] = resolved }
        return resolved
    }

    private static func resolve(_ text: String, in family: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard line.hasPrefix(include) else { return String(line) }
            let file = line.dropFirst(include.count).prefix { $0 != "." }
            guard let included = source(String(file)) else { preconditionFailure("\(family).cl includes \(file).cl") }
            return included
        }.joined(separator: "\n")
    }

    /// The sources with what they include.
    private static let whole = Mutex<[String: String]>([:])

    private static let include = "#include \""
}

extension String {
    /// Whether a text occurs in it, byte for byte: some hundred times as fast as `contains`, which looks for characters. Neither has
    /// a byte of 0.
    package func holds(_ text: String) -> Bool {
        withCString { own in text.withCString { strstr(own, $0) != nil } }
    }
}
