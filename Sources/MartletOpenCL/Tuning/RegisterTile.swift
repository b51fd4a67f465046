/// The register tile of a product on a CPU-like device: so many rows times vectors of 16 floats side by side.
struct RegisterTile {
    let rows: Int
    let vectors: Int

    /// The tile that fits beside its operands where the registers hold so many vectors of 16 floats: AVX-512's 32, AVX2's 8 or 4.
    init(registers: Int) { (rows, vectors) = registers >= 32 ? (8, 2) : registers >= 8 ? (6, 1) : (3, 1) }
}
