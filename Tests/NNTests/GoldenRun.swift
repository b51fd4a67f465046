import Martlet
import Testing

/// One case: its outputs, then its gradients from the stored upstream gradients.
struct GoldenRun {
    private let golden: GoldenFile
    private let test: GoldenFile.Case

    init(_ golden: GoldenFile, _ test: GoldenFile.Case) {
        self.golden = golden
        self.test = test
    }

    func check(within tolerance: Float, _ what: String, _ run: @escaping ([Tensor]) throws -> [Tensor]) throws {
        let inputs = try test.inputs.indices.map { try golden.tensor("\(test.name)/in\($0)") }
        let outputs = try run(inputs)
        for (index, output) in outputs.enumerated() where golden.has("\(test.name)/out\(index)") {
            try expectClose(output, try golden.tensor("\(test.name)/out\(index)"), within: tolerance, "\(what), output \(index)")
        }
        let wanted = inputs.indices.filter { golden.has("\(test.name)/grad\($0)") }
        guard !wanted.isEmpty, golden.has("\(test.name)/up0") else { return }
        let upstream = try golden.tensor("\(test.name)/up0")
        let (_, gradients) = try valueAndGradient(at: inputs) { variables in
            let output = try run(variables)[0]
            return (output * upstream.reshaped(output.shape)).sum()
        }
        for index in wanted {
            try expectClose(
                gradients[index], try golden.tensor("\(test.name)/grad\(index)"), within: tolerance, "\(what), gradient \(index)")
        }
    }
}
