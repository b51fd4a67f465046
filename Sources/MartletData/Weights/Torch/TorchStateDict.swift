/// Finds the state dict in what a pickle holds: the dictionary whose values are tensors, taken out of the dictionaries that training
/// scripts put around it.
struct TorchStateDict {
    /// In the order of the file; a later entry of a name replaces an earlier one.
    private(set) var tensors: [(name: String, tensor: TorchTensor)] = []
    /// What was unwrapped and left out.
    private(set) var notes: [String] = []

    /// Whether dictionaries hold tensors, by depth and object.
    private var answers: [Int: [Int: Bool]] = [:]
    private let reader: PickleReader
    private let file: String

    /// What scripts call the state dict among other things, the usual one first.
    private static let wrappers = [
        "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params", "state",
    ]
    private static let depthLimit = 4

    init(_ root: PickleValue, in reader: PickleReader, file: String) throws(DataError) {
        self.reader = reader
        self.file = file
        try take(root, path: [])
    }

    private mutating func take(_ value: PickleValue, path: [String]) throws(DataError) {
        switch value {
        case .tensor(let number): tensors = [("tensor", reader.tensors[number])]
        case .list(let object), .tuple(let object): try take(list: reader.contents(object))
        case .dictionary(let object): try take(dictionary: items(object), path: path)
        default: throw refusal("holds \(value.kind), no state dict")
        }
    }

    private mutating func take(list elements: [PickleValue]) throws(DataError) {
        for (index, element) in elements.enumerated() {
            guard case .tensor(let number) = element else {
                throw refusal("holds a list with \(element.kind) in it, no state dict")
            }
            tensors.append((String(index), reader.tensors[number]))
        }
    }

    private mutating func take(dictionary items: [(key: String, value: PickleValue)], path: [String]) throws(DataError) {
        let rest = items.filter { if case .tensor = $0.value { false } else { true } }
        if rest.count < items.count {
            for (key, value) in items {
                if case .tensor(let number) = value { tensors.append((key, reader.tensors[number])) }
            }
            leftOut(rest.map(\.key))
            return
        }
        // An empty one is the state dict of a model without parameters.
        if items.isEmpty { return }
        var candidates: [(key: String, value: PickleValue)] = []
        for item in items where holdsTensors(item.value, depth: path.count + 1) { candidates.append(item) }
        let chosen = Self.wrappers.lazy.compactMap { name in candidates.first { $0.key == name } }.first
        guard let chosen = chosen ?? (candidates.count == 1 ? candidates[0] : nil) else {
            let keys = DataError.quote(items.prefix(8).map(\.key).joined(separator: ", "))
            throw refusal(
                candidates.isEmpty
                    ? "holds a dictionary without tensors, of \(keys)" : "holds several dictionaries of tensors, \(keys)")
        }
        notes.append("takes the entry \(DataError.quote(chosen.key))")
        leftOut(items.map(\.key).filter { $0 != chosen.key })
        try take(chosen.value, path: path + [chosen.key])
    }

    private mutating func leftOut(_ keys: [String]) {
        // Buffers without values, and what modules add to their state.
        let keys = keys.filter { $0 != "_metadata" && !$0.hasSuffix("_extra_state") }
        if keys.isEmpty { return }
        let shown = keys.prefix(6).joined(separator: ", ") + (keys.count > 6 ? " and \(keys.count - 6) more" : "")
        notes.append("leaves out \(DataError.quote(shown)), which \(keys.count == 1 ? "is no tensor" : "are no tensors") of it")
    }

    /// Whether a dictionary has tensors for values, or a dictionary that has.
    private mutating func holdsTensors(_ value: PickleValue, depth: Int) -> Bool {
        guard depth <= Self.depthLimit, case .dictionary(let object) = value else { return false }
        // A dictionary may be in many places.
        if let answer = answers[depth]?[object] { return answer }
        let contents = reader.contents(object)
        let values = stride(from: 1, to: contents.count, by: 2).map { contents[$0] }
        var answer = values.contains { if case .tensor = $0 { true } else { false } }
        for value in values where !answer { answer = holdsTensors(value, depth: depth + 1) }
        answers[depth, default: [:]][object] = answer
        return answer
    }

    /// Names and values, each name once.
    private func items(_ object: Int) throws(DataError) -> [(key: String, value: PickleValue)] {
        let contents = reader.contents(object)
        var places: [String: Int] = [:]
        var result: [(key: String, value: PickleValue)] = []
        for position in stride(from: 0, to: contents.count, by: 2) {
            let key: String
            switch contents[position] {
            case .text(let text): key = text
            case .integer(let number): key = String(number)
            default: throw refusal("holds a dictionary with \(contents[position].kind) for a key")
            }
            if let place = places[key] {
                result[place].value = contents[position + 1]
            } else {
                places[key] = result.count
                result.append((key, contents[position + 1]))
            }
        }
        return result
    }

    private func refusal(_ problem: String) -> DataError {
        DataError(.unsupported, file: file, problem: problem, remedy: "save the model's state_dict() alone")
    }
}
