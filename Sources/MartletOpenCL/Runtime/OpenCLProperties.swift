import CMartletOpenCL
import MartletCore

/// What a device says of itself and its limits; read, never assumed.
public struct OpenCLProperties: Sendable {
    public var name: String
    public var vendor: String
    public var driverVersion: String
    public var deviceVersion: String
    public var platformName: String
    public var platformVersion: String
    public var kind: DeviceInfo.Kind
    public var computeUnits: Int
    public var memoryBytes: Int
    /// The largest single buffer, often far less than the memory.
    public var maxAllocationBytes: Int
    public var localMemoryBytes: Int
    public var maxWorkGroupSize: Int
    /// The most work-items along each axis of a work-group.
    public var maxWorkItemSizes: [Int]
    /// The most bytes that a kernel's arguments may take together.
    public var maxParameterBytes: Int
    public var nativeFloatVectorWidth: Int
    public var isHostUnified: Bool

    init(platform: cl_platform_id, device: cl_device_id) throws {
        name = try OpenCLProperties.text(of: device, CL_DEVICE_NAME)
        vendor = try OpenCLProperties.text(of: device, CL_DEVICE_VENDOR)
        driverVersion = try OpenCLProperties.text(of: device, CL_DRIVER_VERSION)
        deviceVersion = try OpenCLProperties.text(of: device, CL_DEVICE_VERSION)
        platformName = try OpenCLProperties.text(ofPlatform: platform, CL_PLATFORM_NAME)
        platformVersion = try OpenCLProperties.text(ofPlatform: platform, CL_PLATFORM_VERSION)
        let type: cl_ulong = try OpenCLProperties.value(of: device, CL_DEVICE_TYPE)
        if type & cl_ulong(CL_DEVICE_TYPE_GPU) != 0 {
            kind = .gpu
        } else if type & cl_ulong(CL_DEVICE_TYPE_CPU) != 0 {
            kind = .cpu
        } else {
            kind = .accelerator
        }
        let units: cl_uint = try OpenCLProperties.value(of: device, CL_DEVICE_MAX_COMPUTE_UNITS)
        computeUnits = max(Int(units), 1)
        memoryBytes = try OpenCLProperties.bytes(of: device, CL_DEVICE_GLOBAL_MEM_SIZE)
        maxAllocationBytes = try OpenCLProperties.bytes(of: device, CL_DEVICE_MAX_MEM_ALLOC_SIZE)
        localMemoryBytes = try OpenCLProperties.bytes(of: device, CL_DEVICE_LOCAL_MEM_SIZE)
        let workGroup: Int = try OpenCLProperties.value(of: device, CL_DEVICE_MAX_WORK_GROUP_SIZE)
        maxWorkGroupSize = max(workGroup, 1)
        let rank: cl_uint = try OpenCLProperties.value(of: device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS)
        var sizes = [Int](repeating: 1, count: max(Int(rank), 3))
        let status = mclGetDeviceInfo(
            device, cl_uint(CL_DEVICE_MAX_WORK_ITEM_SIZES),
            sizes.count * MemoryLayout<Int>.stride, &sizes, nil)
        try check(status, "clGetDeviceInfo", "CL_DEVICE_MAX_WORK_ITEM_SIZES")
        maxWorkItemSizes = sizes
        let parameters: Int = try OpenCLProperties.value(of: device, CL_DEVICE_MAX_PARAMETER_SIZE)
        maxParameterBytes = parameters
        let width: cl_uint = try OpenCLProperties.value(of: device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT)
        nativeFloatVectorWidth = max(Int(width), 1)
        let unified: cl_bool = try OpenCLProperties.value(of: device, CL_DEVICE_HOST_UNIFIED_MEMORY)
        isHostUnified = unified != 0
    }

    /// Of a processor: how many vectors of 16 floats its registers hold, by which a `RegisterTile` is cut. x86-64 has 32
    /// registers with AVX-512 and 16 without, arm64 has 32.
    var registerVectors: Int {
        let width = min(max(nativeFloatVectorWidth, 4), 16)
        #if arch(x86_64)
            return (width == 16 ? 32 : 16) * width / 16
        #else
            return 32 * width / 16
        #endif
    }

    /// Tells this device with this driver from every other.
    var identity: String { [platformName, platformVersion, name, driverVersion, deviceVersion].joined(separator: "\n") }

    private static func bytes(of device: cl_device_id, _ property: Int32) throws -> Int {
        let value: cl_ulong = try value(of: device, property)
        return Int(clamping: value)
    }

    private static func value<Value: FixedWidthInteger>(of device: cl_device_id, _ property: Int32) throws -> Value {
        var value: Value = 0
        try check(
            mclGetDeviceInfo(device, cl_uint(property), MemoryLayout<Value>.size, &value, nil), "clGetDeviceInfo",
            "property \(property)")
        return value
    }

    static func text(of device: cl_device_id, _ property: Int32) throws -> String {
        try readText { mclGetDeviceInfo(device, cl_uint(property), $0, $1, $2) }
    }

    static func text(ofPlatform platform: cl_platform_id, _ property: Int32) throws -> String {
        try readText { mclGetPlatformInfo(platform, cl_uint(property), $0, $1, $2) }
    }

    private static func readText(_ read: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Int32) throws -> String {
        var size = 0
        try check(read(0, nil, &size), "clGetDeviceInfo")
        var bytes = [UInt8](repeating: 0, count: size + 1)
        try check(read(size, &bytes, nil), "clGetDeviceInfo")
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

/// The two kinds of processor that kernels are written for.
package enum DeviceClass: String, Sendable, CaseIterable {
    /// Each work-item owns a chunk in wide vectors: local size 1, no barriers, no local memory.
    case cpuLike = "cpu"
    /// Many work-items side by side: coalesced access, local memory.
    case gpuLike = "gpu"
}
