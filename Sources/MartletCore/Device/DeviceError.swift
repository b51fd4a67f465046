/// What went wrong on a device. Thrown where the host reads a value that depends on the failed work.
public struct DeviceError: Error, Sendable, CustomStringConvertible {
    /// How far the failure reaches.
    public enum Kind: Sendable {
        /// No memory for a result, even after the pool was emptied.
        case outOfMemory
        /// A kernel could not be built or launched.
        case kernel
        /// The device is gone; nothing on it can be used any more.
        case lost
        /// The device, or what it needs, is not there.
        case unavailable
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
