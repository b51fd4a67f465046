import CMartletOpenCL
import Glibc

/// Writes every kernel that a device builds, in its program, into the folder that `MARTLET_DUMP_KERNELS` names, so that other compilers can be
/// asked what they make of it: the text as it is built, its options and its kernel in comments on the first two lines. A file
/// is named by the family, the kernel and a hash of all this, so that a kernel built again changes nothing.
struct SourceDump {
    private let folder: String

    /// Nil where the variable is not set.
    static let requested = getenv("MARTLET_DUMP_KERNELS").map { SourceDump(folder: String(cString: $0)) }

    /// - Throws: `OpenCLError` where the file cannot be written.
    func write(_ source: String, options: String, family: String, kernel: String) throws {
        let text = "// options: \(options)\n// kernel: \(kernel)\n\(source)\n"
        let hash = String(BinaryCache.hash(Array(text.utf8), seed: 0xcbf2_9ce4_8422_2325), radix: 16)
        let path = "\(folder)/\(family).\(kernel).\(hash).cl"
        _ = mkdir(folder, 0o755)
        guard let file = fopen(path, "wb") else { throw failure(path) }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw failure(path) }
    }

    private func failure(_ path: String) -> OpenCLError {
        OpenCLError("writing a kernel (MARTLET_DUMP_KERNELS)", CL_INVALID_VALUE, "\(path): \(String(cString: strerror(errno)))")
    }
}

extension OpenCLDevice {
    /// Builds all shipped tiles in all forms, whichever of them this device and its work would take.
    func dumpTiles() throws {
        try buildRecurrentTiles()
        for variant in MatmulTileVariant.standard {
            let vectors = variant.needsVectors ? [4] : [1, 4]
            for (a, b, c) in vectors.flatMap({ a in vectors.flatMap { b in [(a, b, 1), (a, b, 4)] } }) {
                for form in 0..<4 {
                    try buildTiles(variant, aDeep: form & 1, a, bDeep: form >> 1, b, c)
                }
            }
            try buildTiles(variant, aDeep: 1, 4, bDeep: 0, 4, 4, isFar: true)
            for (channels, vector, isFar) in [(1, 1, 0), (4, 1, 0), (1, 4, 0), (4, 4, 0), (4, 4, 1)] {
                var defines = variant.defines
                if channels == 4 { defines["CHANNELS"] = 4 }
                if isFar == 1 { defines["FAR"] = 1 }
                var product = defines
                if vector == 4 { product["OUT_VEC"] = 4 }
                product["A_VEC"] = 4
                if !variant.needsVectors || channels == 4 {
                    var phased = product
                    phased["PHASED"] = 1
                    for defines in [product, phased] {
                        _ = try convolutionKernel("ConvolutionTile", "convolutionTiles", defines)
                    }
                }
                if channels == 1 {
                    product["POINTWISE"] = 1
                    _ = try convolutionKernel("ConvolutionTile", "convolutionTiles", product)
                }
                if variant.needsVectors, channels * vector < 16 { continue }
                defines["A_VEC"] = vector
                _ = try convolutionKernel("ConvolutionTile", "convolutionWeightTiles", defines)
            }
        }
    }

    private func buildRecurrentTiles() throws {
        for name in RecurrentTile.kernels {
            for tile in RecurrentTile.all(name) {
                for isAligned in [false, true] { _ = try kernel("RecurrenceTile", name, tile.defines(isAligned: isAligned)) }
            }
        }
    }

    private func buildTiles(
        _ variant: MatmulTileVariant, aDeep: Int, _ a: Int, bDeep: Int, _ b: Int, _ c: Int, isFar: Bool = false
    ) throws {
        let form = MatmulTileVariant.Form(aDeep: aDeep == 1, aVector: a, bDeep: bDeep == 1, bVector: b, cVector: c, isFar: isFar)
        _ = try kernel("MatmulTile", "matmulTiles", variant.defines(form))
    }
}
