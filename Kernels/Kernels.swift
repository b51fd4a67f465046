/// The OpenCL C sources, one file an op family, as they stand in the binary.
public enum Kernels {
    /// The source of a family's kernels, such as `Matmul`; nil where there is none of that name.
    public static func source(_ family: String) -> String? { embeddedFiles[family + ".cl"] }

    /// The names of all families that have kernels, sorted.
    public static var families: [String] { embeddedFiles.keys.map { String($0.dropLast(3)) }.sorted() }
}
