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
    public static func load(
        _ file: SafeTensors, into model: any Module, leaving: (String) -> Bool = { _ in false }
    ) throws {
        let stored = Dictionary(file.entries.map { ($0.name, $0) }) { first, _ in first }
        var wanted: [(String, [Int], (Tensor) -> Void)] = model.namedParameters.map { name, parameter in
            (name, parameter.shape, { parameter.value = $0 })
        }
        wanted += model.namedBuffers.map { name, buffer in (name, buffer.value.shape, { buffer.value = $0 }) }
        wanted = wanted.filter { !leaving($0.0) }
        var problems: [String] = []
        for (name, shape, _) in wanted {
            guard let entry = stored[name] else {
                problems.append("\(name) is missing")
                continue
            }
            if entry.shape != shape { problems.append("\(name) is \(entry.shape), not \(shape)") }
        }
        let names = Set(wanted.map(\.0))
        problems += file.entries.filter {
            !names.contains($0.name) && !leaving($0.name) && !$0.name.hasSuffix("num_batches_tracked")
        }.map {
            "\($0.name) is unexpected"
        }
        if !problems.isEmpty {
            let shown = problems.prefix(8).joined(separator: ", ") + (problems.count > 8 ? " and \(problems.count - 8) more" : "")
            throw TrainingError(.input, "\(file.path): does not fit this model: \(shown)")
        }
        let values = try wanted.map { name, shape, set in (Tensor(try stored[name]!.floats(), shape: shape), set) }
        for (tensor, set) in values { set(tensor) }
    }

    /// Whether all parameters are finite; else the name of the first that is not.
    public static func firstNotFinite(in model: any Module) throws -> String? {
        let named = model.namedParameters
        if named.isEmpty { return nil }
        let flags = try concatenate(named.map { $0.parameter.value.detached.isFinite.min().reshaped([1]) }).floats()
        return zip(named, flags).first { $0.1 == 0 }?.0.name
    }
}
