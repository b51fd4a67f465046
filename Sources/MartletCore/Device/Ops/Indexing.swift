/// Reading and writing by index, and order. Values are float32 (`gather` and `gatherElements` also int32), indices int32; all views
/// contiguous. Slices, concatenation, padding, permutation and one-hot vectors are views and pointwise work and need
/// nothing here.
///
/// An index outside its axis reads as NaN (0 for int32 values) and adds nothing.
public protocol IndexingOps: AnyObject {
    /// y [outer, m, inner] = x [outer, n, inner] at the indices [m] of the middle axis. An embedding is outer = 1.
    func gather(_ x: View, indices: View, into y: View)
    /// x [outer, n, inner] = the sum, for each of its positions, of the rows of y [outer, m, inner] whose index names it;
    /// 0 where none does. Added in the order of the indices, without atomics.
    func scatterAdd(_ y: View, indices: View, into x: View)
    /// y [rows, m] = x [rows, n] at indices [rows, m], row by row.
    func gatherElements(_ x: View, indices: View, into y: View)
    /// The gradient of `gatherElements`: x [rows, n] = the sum of y [rows, m] where indices [rows, m] name it, in order.
    func scatterAddElements(_ y: View, indices: View, into x: View)
    /// The first m of each row of x [rows, n] in order: values [rows, m] and their positions [rows, m]. m = n sorts.
    /// Stable; NaN counts as the largest.
    func sort(_ x: View, descending: Bool, into values: View, indices: View)
}
