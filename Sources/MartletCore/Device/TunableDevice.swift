/// A kernel variant's parameters by name. None at all: what the device ships, chosen by its own rule.
public typealias KernelParameters = [String: Int]

/// A family of kernels with parameters that can be searched, for classes of shapes that each have a variant of their own.
public struct TunableKernel: Sendable {
    /// A parameter and the values to try, in order.
    public struct Axis: Sendable {
        public var name: String
        public var values: [Int]

        public init(_ name: String, _ values: [Int]) {
            self.name = name
            self.values = values
        }
    }

    /// A class of shapes and the parameters that matter for it.
    public struct ShapeClass: Sendable {
        public var name: String
        public var axes: [Axis]

        public init(_ name: String, axes: [Axis]) {
            self.name = name
            self.axes = axes
        }
    }

    /// Of the kernels' file, such as `Matmul`.
    public var name: String
    public var classes: [ShapeClass]
    /// What is used where nothing else was found.
    public var shipped: KernelParameters
    /// A hash of the kernels' source and the shipped parameters: a variant found for others counts for nothing.
    public var source: String

    public init(name: String, classes: [ShapeClass], shipped: KernelParameters, source: String) {
        self.name = name
        self.classes = classes
        self.shipped = shipped
        self.source = source
    }
}

/// A device whose kernels have parameters that `martlet tune` searches. It knows nothing of how they are searched; who searches
/// knows nothing of what they mean.
public protocol TunableDevice: Device {
    var tunableKernels: [TunableKernel] { get }

    /// This device and its driver, in words that no other device or version of the driver has.
    var tuningIdentity: String { get }
    /// The folder where what was found is kept; nil where there is none.
    var tuningFolder: String? { get }

    /// The parameters in use for a class of shapes.
    func parameters(of kernel: String, for shapeClass: String) -> KernelParameters

    /// Uses other parameters from now on.
    ///
    /// - Parameters:
    ///   - isTrial: runs exactly these, whatever their values, and fails where they cannot be run; otherwise a variant that
    ///     does not run gives way to the shipped one.
    /// - Returns: false, and nothing is changed, where the kernel, the class, a parameter or (but for a trial) a value is not
    ///   known.
    @discardableResult
    func use(_ parameters: KernelParameters, of kernel: String, for shapeClass: String, isTrial: Bool) -> Bool

    /// Keeps the parameters in use for a class of shapes for later starts.
    ///
    /// - Throws: `DeviceError` where they cannot be written; what was kept before is unchanged.
    func keepParameters(of kernel: String, for shapeClass: String) throws

    /// One line for the first use of a device whose kernels nobody has tuned and nobody has measured; nil ever after.
    func firstUseAdvice() -> String?
}
