import CMartletOpenCL
import Glibc
import MartletCore

/// A device of an OpenCL driver: one context, one in-order queue, one lock.
///
/// How an op family runs a kernel, in an extension of this class in `Ops/`, its source in `Kernels/FAMILY.cl`:
///
///     extension OpenCLDevice: PoolingOps {
///         public func averagePool(_ x: View, into y: View, options: PoolingOptions) {
///             guarded("averagePool", inputs: [x], outputs: [y]) {
///                 let kernel = try kernel("Pooling", "average_pool", ["KY": options.kernel.y, "KX": options.kernel.x])
///                 try launch(kernel, global: [y.count], local: [1], .tensor(x), .tensor(y), .size(y.count), .float(0.5))
///             }
///         }
///     }
///
/// and on the OpenCL side, with what `Kernels/Prelude.cl` gives every program:
///
///     kernel void average_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), ulong count, float factor) {
///         TENSOR(const float, x);
///         TENSOR(float, y);
///         ...
///
/// - `guarded` holds the device's lock, passes fault marks on and marks the outputs when the body throws.
/// - `kernel` builds a family's file once for each set of `-D` parameters and epilogue, and the kernels share the program.
///   A file may instead guard each kernel with `#ifdef KERNEL_average_pool`: then each is built when it is asked for.
///   `CPU_LIKE` or `GPU_LIKE` is defined.
/// - A `.tensor` takes two kernel arguments, the buffer and the view's offset in elements.
/// - `scratch` gives temporary memory, which may be let go of as soon as the kernels that use it are enqueued.
public final class OpenCLDevice: @unchecked Sendable {
    public let info: DeviceInfo
    public let properties: OpenCLProperties

    /// Which kind of kernel variants run here; `MARTLET_OPENCL_CLASS=cpu` or `gpu` in the environment overrides it.
    package let deviceClass: DeviceClass

    let lock = RecursiveLock()
    let context: cl_context
    let device: cl_device_id
    let queue: CommandQueue
    let pool: BufferPool
    let programs: ProgramBuilder
    var kernels: [KernelKey: Result<Kernel, OpenCLError>] = [:]
    var pointwiseLaunches = PointwiseLaunches()
    var pendingUploads: [PendingUpload] = []
    /// Behind the lock.
    var variants: KernelVariants
    /// What `martlet tune` searches, made when it is first asked for: it reads the kernels' sources. Behind the lock.
    lazy var families = TunableFamily.all(deviceClass, variants)
    var knownPlans = TilePlans()
    /// Where what tuning found is kept; nil for nowhere.
    let tuned: CacheFolder?

    /// Set once the device is lost; every later op fails with it.
    var lost: DeviceError?

    /// Opens a device.
    ///
    /// - Throws: `OpenCLError` where the driver refuses a context or a queue.
    public convenience init(_ candidate: Candidate) throws { try self.init(candidate, deviceClass: nil) }

    /// Opens a device with the kernel variants of a class; nil takes those that fit it. What tuning found for it is looked for
    /// in the folder `tuned` of `cache`.
    package init(_ candidate: Candidate, deviceClass forced: DeviceClass?, cache: CacheFolder? = .user) throws {
        tuned = cache?.folder("tuned")
        info = candidate.info
        properties = candidate.properties
        device = candidate.device
        deviceClass = forced ?? OpenCLDevice.deviceClass(of: candidate.properties.kind)
        variants = KernelVariants(registers: candidate.properties.registerVectors)
        var status: Int32 = 0
        let context = mclCreateContext(candidate.platform, candidate.device, &status)
        guard let context, status == CL_SUCCESS else { throw OpenCLError("clCreateContext", status, candidate.info.name) }
        self.context = context
        do {
            queue = try CommandQueue(
                context: context, device: candidate.device, sleeps: candidate.properties.kind != .cpu,
                id: candidate.info.id)
        } catch {
            _ = mclReleaseContext(context)
            throw error
        }
        pool = BufferPool(context: context, queue: queue, properties: candidate.properties, id: candidate.info.id)
        programs = ProgramBuilder(
            context: context, device: candidate.device, number: candidate.number, properties: candidate.properties,
            deviceClass: deviceClass)
        ProbeMemory.putBack()
        loadTuned()
        if SourceDump.requested != nil { try dumpTiles() }
    }

    deinit {
        try? queue.waitForAll()
        for upload in pendingUploads { free(upload.bytes) }
        for case .success(let kernel) in kernels.values { kernel.release() }
        programs.release()
        pool.releaseAll()
        queue.release()
        _ = mclReleaseContext(context)
    }

    private static func deviceClass(of kind: DeviceInfo.Kind) -> DeviceClass {
        if let forced = getenv("MARTLET_OPENCL_CLASS"), let forced = DeviceClass(rawValue: String(cString: forced)) {
            return forced
        }
        return kind == .cpu ? .cpuLike : .gpuLike
    }
}

extension OpenCLDevice: Device {}
