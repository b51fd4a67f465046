import Glibc

/// Checks of what the layers above promise to a device, for tests: on where `MARTLET_CHECKS` is set in the environment.
package enum Invariants {
    package static let areChecked = getenv("MARTLET_CHECKS") != nil

    /// Stops the program where a view reaches beyond its buffer, or where outputs overlap each other or an input that is not
    /// the very same view.
    package static func check(reading inputs: [View], writing outputs: [View]) {
        guard areChecked else { return }
        for view in inputs + outputs {
            precondition(
                view.shape.count == view.strides.count && view.offset >= 0 && view.strides.allSatisfy { $0 >= 0 },
                "Invariants: the view \(view.shape) has strides \(view.strides) and offset \(view.offset)")
            precondition(
                view.count == 0 || view.end * view.type.size <= view.buffer.byteCount,
                "Invariants: the view \(view.shape) with strides \(view.strides) from \(view.offset) leaves its "
                    + "\(view.buffer.byteCount) bytes")
        }
        for (index, output) in outputs.enumerated() {
            for other in outputs[..<index] { precondition(!output.overlaps(other), "Invariants: two outputs overlap") }
            for input in inputs where output.overlaps(input) {
                let isSame = input.offset == output.offset && input.shape == output.shape && input.strides == output.strides
                precondition(isSame, "Invariants: an output overlaps an input of another layout")
            }
        }
    }
}

extension View {
    /// One more than the last element's position.
    fileprivate var end: Int { zip(shape, strides).reduce(offset + 1) { $0 + ($1.0 - 1) * $1.1 } }

    /// Whether the ranges between the first and last elements meet within one buffer. Slices that interleave, as two columns of
    /// one matrix do, are taken to meet only where their strides differ.
    fileprivate func overlaps(_ other: View) -> Bool {
        guard buffer === other.buffer, count > 0, other.count > 0 else { return false }
        guard offset < other.end, other.offset < end else { return false }
        return strides != other.strides || offset == other.offset
    }
}
