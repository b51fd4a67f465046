/// The type of a tensor's elements. Both take four bytes.
public enum DataType: String, Sendable, Hashable, CaseIterable {
    /// IEEE 754 single precision.
    case float32
    /// Signed 32-bit integers: labels, indices, counts and random bits.
    case int32

    /// Bytes an element takes.
    public var size: Int { 4 }
}
