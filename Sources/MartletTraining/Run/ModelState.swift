import MartletCore
import MartletData
import MartletNN

/// A model's tensors by name, to and from weight files.
public enum ModelState {
    /// All parameters and buffers, in order.
    public static func tensors(of model: any Module) throws -> [TensorToStore] {
        try model.namedParameters.map {
            TensorToStore($0.name, shape: $0.parameter.shape, .floats(try $0.parameter.value.floats()))
        }
            + model.namedBuffers.map {
                TensorToStore($0.name, shape: $0.buffer.value.shape, .floats(try $0.buffer.value.floats()))
            }
    }

    /// Takes all of a model's tensors from a weight file. What is missing, unexpected or of another shape is listed in one refusal, and
    /// the model stays as it was.
    /// - Parameter leaving: tells the names of tensors that stay as they are, whatever the file has of them.
    /// - Returns: What was left out of the file or made of its names, for people.
    @discardableResult public static func load(
        _ file: WeightFile, into model: any Module, leaving: (String) -> Bool = { _ in false }
    ) throws -> [String] {
        let fit = WeightFit(file, model, leaving: leaving)
        if let refusal = fit.refusal { throw refusal }
        var values: [(tensor: Tensor, set: (Tensor) -> Void)] = []
        for (name, parameter) in model.namedParameters where !leaving(name) {
            if let tensor = try tensor(fit.stored[name]) { values.append((tensor, { parameter.value = $0 })) }
        }
        for (name, buffer) in model.namedBuffers where !leaving(name) {
            if let tensor = try tensor(fit.stored[name]) { values.append((tensor, { buffer.value = $0 })) }
        }
        for (tensor, set) in values { set(tensor) }
        return fit.notes
    }

    /// As `load(_:into:leaving:)`.
    public static func load(_ file: SafeTensors, into model: any Module) throws { try load(WeightFile(file), into: model) }

    private static func tensor(_ stored: StoredTensor?) throws -> Tensor? {
        try stored.map { Tensor(try $0.floats(), shape: $0.shape) }
    }

    /// Whether all parameters are finite; else the name of the first that is not.
    public static func firstNotFinite(in model: any Module) throws -> String? {
        let named = model.namedParameters
        if named.isEmpty { return nil }
        // One norm of all of them, which is too large for a float only where the weights are of no use.
        if try Tensor.norm(of: named.map { $0.parameter.value }).item().isFinite { return nil }
        let flags = try concatenate(named.map { $0.parameter.value.detached.isFinite.min().reshaped([1]) }).floats()
        return zip(named, flags).first { $0.1 == 0 }?.0.name
    }
}
