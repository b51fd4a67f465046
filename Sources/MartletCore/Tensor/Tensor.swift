/// A multi-dimensional array on a device, of float32 or int32.
///
/// A tensor is a value: nothing done to another tensor changes it. Its elements are computed when something needs them;
/// element-by-element operations wait and run together in one pass, with the matrix product they begin with where nothing else
/// refers to it. Operations take part in `valueAndGradient` where it records. Tensors made from host values go to the device of the
/// first operation that uses them.
public struct Tensor {
    /// The extents, outermost first; empty for a single number.
    public let shape: [Int]
    package let strides: [Int]
    package let offset: Int
    package private(set) var storage: Storage
    package var node: GradientNode?

    package init(_ storage: Storage, shape: [Int], strides: [Int]? = nil, offset: Int = 0, node: GradientNode? = nil) {
        self.storage = storage
        self.shape = shape
        self.strides = strides ?? Shapes.rowMajorStrides(shape)
        self.offset = offset
        self.node = node
    }

    public var type: DataType { storage.type }
    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }
    public var rank: Int { shape.count }
    /// The device that holds it; nil for host values that nothing has used.
    public var device: (any Device)? { storage.device }

    /// The same values without a part in gradients.
    public var detached: Tensor {
        var copy = self
        copy.node = nil
        return copy
    }

    /// Whether the tensor is all of its storage in order.
    package var isWhole: Bool { offset == 0 && storage.count == count && isDense }
}

// MARK: - Between host and device

extension Tensor {
    /// Values in row-major order.
    public init(_ values: [Float], shape: [Int], file: StaticString = #fileID, line: UInt = #line) {
        require(values.count == shape.reduce(1, *), "Tensor", "\(values.count) values for shape \(shape)", file, line)
        self.init(Storage(host: values.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }, type: .float32), shape: shape)
    }

    /// Integers in row-major order.
    public init(_ values: [Int32], shape: [Int], file: StaticString = #fileID, line: UInt = #line) {
        require(values.count == shape.reduce(1, *), "Tensor", "\(values.count) values for shape \(shape)", file, line)
        self.init(Storage(host: values.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }, type: .int32), shape: shape)
    }

    /// A vector of values.
    public init(_ values: [Float]) { self.init(values, shape: [values.count]) }
    /// A vector of integers.
    public init(_ values: [Int32]) { self.init(values, shape: [values.count]) }
    /// A single number, of shape [].
    public init(_ value: Float) { self.init([value], shape: []) }

    /// The same number everywhere.
    public init(repeating value: Float, shape: [Int]) {
        self.init(Storage(host: [value.bitPattern], type: .float32), shape: shape, strides: shape.map { _ in 0 })
    }

    public static func zeros(_ shape: [Int]) -> Tensor { Tensor(repeating: 0, shape: shape) }
    public static func ones(_ shape: [Int]) -> Tensor { Tensor(repeating: 1, shape: shape) }

    /// The elements in row-major order. Waits for the device; throws what failed on it.
    public func floats() throws -> [Float] {
        require(type == .float32, "Tensor.floats", "the tensor holds \(type)", #fileID, #line)
        return try words().withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// The elements of an int32 tensor in row-major order. Waits for the device; throws what failed on it.
    public func integers() throws -> [Int32] {
        require(type == .int32, "Tensor.integers", "the tensor holds \(type)", #fileID, #line)
        return try words().withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    }

    /// The one element. Waits for the device; throws what failed on it.
    public func item(file: StaticString = #fileID, line: UInt = #line) throws -> Float {
        require(count == 1, "Tensor.item", "shape \(shape) has \(count) elements", file, line)
        return type == .float32 ? try floats()[0] : Float(try integers()[0])
    }

    private func words() throws -> [UInt32] {
        if count == 0 { return [] }
        if let host = storage.hostValues {
            if isWhole { return host }
            return Shapes.offsets(shape: shape, strides: strides).map { host[offset + $0] }
        }
        let device = self.resolvedDevice()
        let source = contiguousView(on: device)
        if let fault = source.buffer.fault { throw fault }
        var failure: (any Error)?
        let result = [UInt32](unsafeUninitializedCapacity: count) { bytes, initialized in
            do {
                try device.download(
                    source.buffer, byteOffset: source.offset * type.size, into: UnsafeMutableRawBufferPointer(bytes))
            } catch { failure = error }
            initialized = failure == nil ? count : 0
        }
        if let failure { throw failure }
        return result
    }

    /// The same values on a device; itself where it is there already. Gradients do not cross.
    public func on(_ device: any Device) throws -> Tensor {
        if storage.device == nil { return Tensor(placing: self, on: device) }
        if storage.device === device { return self }
        return Tensor(placing: Tensor(Storage(host: try words(), type: type), shape: shape), on: device)
    }

    private init(placing tensor: Tensor, on device: any Device) {
        _ = tensor.storage.realize(on: device)
        self = tensor
    }
}

// MARK: - For operations

extension Tensor {
    /// Gives the tensor elements of its own where something else refers to them: work that waits, a view, a copy.
    package mutating func makeWritable(on device: any Device) {
        node = nil
        _ = storage.realize(on: device)
        if isWhole, isKnownUniquelyReferenced(&storage), storage.ownsBufferAlone() { return }
        let copy = Tensor(empty: shape, type: type, on: device)
        copy.write(self, on: device)
        self = copy
    }

    /// Overwrites the elements; only for storage that nothing else has seen.
    package func write(_ source: Tensor, on device: any Device) {
        if count == 0 { return }
        device.pointwise(.input(0), scalars: [], inputs: [source.view(on: device)], outputs: [view(on: device)])
    }

    /// The device of the first operand that has one, else the default. Two different ones are a mistake.
    package static func commonDevice(_ operands: [Tensor], _ operation: String, _ file: StaticString, _ line: UInt) -> any Device
    {
        var found: (any Device)?
        for operand in operands {
            guard let device = operand.storage.device else { continue }
            if let found, found !== device {
                misuse(operation, "operands on \(found.info.id) and \(device.info.id)", file, line)
            }
            found = device
        }
        guard let device = found ?? DefaultDevice.current else {
            misuse(operation, "no device: call Devices.best() or withDevice first", file, line)
        }
        return device
    }

    package func resolvedDevice(file: StaticString = #fileID, line: UInt = #line) -> any Device {
        Tensor.commonDevice([self], "Tensor", file, line)
    }

    /// The elements where they lie.
    package func view(on device: any Device) -> View {
        View(storage.realize(on: device), type, offset: offset, shape: shape, strides: strides)
    }

    /// The elements in row-major order, copied where they are not.
    package func contiguousView(on device: any Device) -> View {
        let view = view(on: device)
        return view.isContiguous ? view : contiguous(on: device).view(on: device)
    }

    /// The elements in row-major order, in a storage of their own unless they are already in order. No gradient.
    package func contiguous(on device: any Device) -> Tensor {
        let source = view(on: device)
        if source.isContiguous || count == 0 { return detached }
        let result = Tensor(empty: shape, type: type, on: device)
        device.pointwise(.input(0), scalars: [], inputs: [source], outputs: [result.view(on: device)])
        return result
    }

    /// A tensor whose elements are still to be written.
    package init(empty shape: [Int], type: DataType = .float32, on device: any Device) {
        let count = shape.reduce(1, *)
        self.init(Storage(device.allocate(byteCount: count * type.size), on: device, type: type, count: count), shape: shape)
    }
}

extension Shapes {
    /// The offset of every element in row-major order.
    package static func offsets(shape: [Int], strides: [Int]) -> [Int] {
        var offsets = [0]
        for axis in shape.indices {
            offsets = offsets.flatMap { base in (0..<shape[axis]).map { base + $0 * strides[axis] } }
        }
        return offsets
    }
}

extension Tensor {
    /// The tensor with any waiting work handed to its device.
    @discardableResult
    public func evaluated() -> Tensor {
        if let device = storage.device { _ = storage.realize(on: device) }
        return self
    }
}
