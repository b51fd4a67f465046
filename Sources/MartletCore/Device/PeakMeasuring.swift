/// A device that can show what it does at the most: the roofs that benchmarks are held against.
package protocol PeakMeasuring: AnyObject {
    /// Starts work of independent multiply-adds on registers, some milliseconds long, where no memory is in the way.
    ///
    /// - Returns: the floating-point operations started, a multiply-add counting two.
    func startMultiplyAdds() throws -> Double
    /// Starts a = b + 3 c, as fast as memory lets it. The views are whole buffers of float32.
    func startTriad(_ a: View, _ b: View, _ c: View) throws
}

/// A device whose driver is given launches one by one, which can show what the least of them costs.
package protocol LaunchMeasuring: AnyObject {
    /// Enqueues a kernel that does nothing so many times, its arguments set once, through the driver's own call.
    func startLaunches(_ count: Int) throws
}
