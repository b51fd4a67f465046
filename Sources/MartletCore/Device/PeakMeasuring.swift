/// A device that can show how fast it multiplies and adds where no memory is in the way: the roof that benchmarks are held
/// against.
package protocol PeakMeasuring: AnyObject {
    /// Starts work of independent multiply-adds on registers, some milliseconds long.
    ///
    /// - Returns: the floating-point operations started, a multiply-add counting two.
    func startMultiplyAdds() throws -> Double
}
