import MartletCore

/// The kernel variants of a run, as its `config.yaml` records them: for `Matmul/large` the hash of the kernels' source, then
/// `shipped` or the parameters that tuning found.
public enum VariantRecord {
    /// What a device uses; nil where it has nothing to choose from.
    public static func inUse(on device: any Device) -> [String: String]? {
        guard let device = device as? any TunableDevice else { return nil }
        var record: [String: String] = [:]
        for kernel in device.tunableKernels {
            for shapeClass in kernel.classes.map(\.name) {
                let parameters = device.parameters(of: kernel.name, for: shapeClass)
                let text = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
                record["\(kernel.name)/\(shapeClass)"] = kernel.source + " " + (parameters == kernel.shipped ? "shipped" : text)
            }
        }
        return record
    }

    /// Makes a device use what a run used.
    ///
    /// - Returns: the entries that the device cannot follow: its kernels are not the run's.
    public static func reuse(_ record: [String: String], on device: any Device) -> [String] {
        let kernels = (device as? any TunableDevice)?.tunableKernels ?? []
        return record.sorted { $0.key < $1.key }.filter { name, text in
            let names = name.split(separator: "/").map(String.init), fields = text.split(separator: " ").map(String.init)
            guard names.count == 2, let source = fields.first, let device = device as? any TunableDevice,
                let kernel = kernels.first(where: { $0.name == names[0] }), kernel.source == source,
                let parameters = fields.dropFirst() == ["shipped"] ? kernel.shipped : Self.parameters(fields.dropFirst())
            else { return true }
            return !device.use(parameters, of: kernel.name, for: names[1], isTrial: false)
        }.map(\.key)
    }

    private static func parameters(_ fields: ArraySlice<String>) -> KernelParameters? {
        var parameters: KernelParameters = [:]
        for field in fields {
            let pair = field.split(separator: "=")
            guard pair.count == 2, let value = Int(pair[1]) else { return nil }
            parameters[String(pair[0])] = value
        }
        return parameters
    }
}
