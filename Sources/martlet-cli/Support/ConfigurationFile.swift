import Foundation
import Martlet
import Yams

/// Options of `train` from a YAML file, by their long names with `_` for `-`; `set` is a map. A run's `config.yaml` will do.
struct ConfigurationFile {
    private var path = ""
    private var values: [String: String] = [:]
    private(set) var settings: [String: String] = [:]

    private static let known: Set<String> = [
        "model", "data", "weights", "epochs", "steps", "batch_size", "optimizer", "learning_rate", "schedule", "seed", "freeze",
        "shuffle", "device", "threads", "log_every",
    ]
    /// What a run's own file records beside options.
    private static let recorded: Set<String> = ["input_shape", "classes", "device_name", "device_version", "variants"]

    init() {}

    init(reading path: String) throws {
        self.path = path
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8) else {
            throw TrainingError(.input, "\(path): cannot be read; give a YAML file of options")
        }
        guard let loaded = try? Yams.load(yaml: text), let map = loaded as? [String: Any] else {
            throw TrainingError(.input, "\(path): is not a YAML map; give lines such as `batch_size: 64`")
        }
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            if key == "set" || key == "settings" {
                guard let pairs = value as? [String: Any] else {
                    throw TrainingError(.input, "\(path): '\(key)' is not a map; give lines such as `dropout: 0.2` below it")
                }
                settings = pairs.mapValues { "\($0)" }
            } else if Self.known.contains(key) {
                guard !(value is [Any]), !(value is [String: Any]) else {
                    throw TrainingError(.input, "\(path): '\(key)' is not a single value; give one, such as `batch_size: 64`")
                }
                if !(value is NSNull) { values[key] = "\(value)" }
            } else if !Self.recorded.contains(key) {
                throw TrainingError(
                    .input,
                    "\(path): there is no option '\(key)'; there are \((Self.known.union(["set"])).sorted().joined(separator: ", "))"
                )
            }
        }
    }

    func string(_ key: String) -> String? { values[key] }

    func value<Value: LosslessStringConvertible>(_ key: String, as type: Value.Type) throws -> Value? {
        guard let text = values[key] else { return nil }
        guard let value = Value(text) else {
            let kind = type == Bool.self ? "true or false" : type == Double.self ? "a number" : "a whole number"
            throw TrainingError(.input, "\(path): '\(key): \(text)': give \(kind)")
        }
        return value
    }
}
