import MartletCore

extension Batch {
    /// The inputs as a tensor of shape [n, ...], which goes to the device of the first operation that uses it.
    public var images: Tensor { Tensor(inputs, shape: shape) }
}
