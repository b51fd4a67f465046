import Synchronization

/// The device of tensors that were not given one.
public enum DefaultDevice {
    /// Set for the duration of a task by `withDevice`.
    @TaskLocal package static var scoped: (any Device)?

    private static let fallback = Mutex<(any Device)?>(nil)

    /// The device in force: the innermost `withDevice`, else the program's.
    public static var current: (any Device)? { scoped ?? fallback.withLock { $0 } }

    /// Makes a device the program's, where none is yet. `Devices.best()` does.
    public static func adopt(_ device: any Device) {
        fallback.withLock { if $0 == nil { $0 = device } }
    }
}

/// Runs a body whose new tensors go to a device.
public func withDevice<Result>(_ device: any Device, _ body: () throws -> Result) rethrows -> Result {
    try DefaultDevice.$scoped.withValue(device, operation: body)
}
