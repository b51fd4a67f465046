/// A device that can show how fast it multiplies and adds where no memory is in the way: the roof that benchmarks are held
/// against.
package protocol PeakMeasuring: AnyObject {
    /// Starts work of independent multiply-adds on registers, some milliseconds long.
    ///
    /// - Returns: the floating-point operations started, a multiply-add counting two.
    func startMultiplyAdds() throws -> Double
}

/// A device whose driver is given launches one by one, which can show what the least of them costs.
package protocol LaunchMeasuring: AnyObject {
    /// Enqueues a kernel that does nothing so many times, its arguments set once, through the driver's own call.
    func startLaunches(_ count: Int) throws
}
