import MartletCore
import MartletTraining

/// A case that is timed here and in a peer: an op and its shapes, as the driver of a comparison writes them in JSON.
///
/// Both sides make the inputs with `ComparedInput`, so that results can be compared.
struct ComparedCase: Decodable {
    enum Kind: String, Decodable {
        /// Registers only, the roof of every product; no shapes.
        case multiplyAdds
        /// a = b + 3 c; shapes: one of them.
        case triad
        /// Launches of a kernel that does nothing; no shapes. OpenCL only.
        case launch
        /// shapes: [m, k], [k, n]. `transposes` says which operand lies transposed in memory.
        case matmul
        /// shapes: image [n, c, h, w], weight [o, c / groups, kh, kw].
        case convolution
        /// `operation` is causal or full; shapes: one, [b, h, t, d] of queries, keys and values.
        case attention
        /// An `operation` on every element; shapes: one.
        case pointwise
        /// An `operation` over rows, channels or all; shapes: one.
        case normalization, softmax, reduction, pooling
        /// An `operation` on boxes: suppress (shapes: [boxes]), pool or align (shapes: a map [1, c, h, w], [boxes]).
        case region
        /// A step of the optimizer named by `operation`; shapes: the parameters'.
        case optimizer
        /// A step of training of the network named by `operation`.
        case trainStep
        /// A step of training of a language model of two layers of the cells named by `operation`; shapes: [steps, samples,
        /// vocabulary, units].
        case recurrentStep
        /// A step of training of the detector named by `operation`; shapes: images [n, 3, h, w].
        case detectionStep
    }

    enum Transposes: String, Decodable { case none, left, right }
    enum Pass: String, Decodable { case forward, both }

    var kind: Kind
    var shapes: [[Int]]?
    var operation: String?
    var transposes: Transposes?
    var stride: Int?
    var padding: Int?
    var groups: Int?
    /// Whether a convolution adds a bias (and takes its gradient).
    var bias: Bool?
    /// Whether the gradients are computed too: of the weight and bias, and of the image unless it has at most 3 channels; of an
    /// attention's three operands.
    var pass: Pass?
    var algorithm: String?

    /// The inputs on the device and what is to be timed.
    func workload(on device: any Device) throws -> Workload {
        switch kind {
        case .multiplyAdds: try CeilingWorkloads.multiplyAdds(device)
        case .triad: try CeilingWorkloads.triad(try shape(ranks: 1...8), device)
        case .launch: try CeilingWorkloads.launches(device)
        case .matmul: try matmulWorkload(device)
        case .convolution: try convolutionWorkload(device)
        case .attention: try attentionWorkload(device)
        case .pointwise: try pointwiseWorkload(device)
        case .normalization, .softmax, .reduction: try rowsWorkload(device)
        case .pooling: try poolingWorkload(device)
        case .region: try regionWorkload(device)
        case .optimizer: try optimizerWorkload(device)
        case .trainStep: try trainStepWorkload(device)
        case .recurrentStep: try recurrentStepWorkload(device)
        case .detectionStep: try detectionStepWorkload(device)
        }
    }

    func refusal(_ reason: String) -> TrainingError { TrainingError(.input, "case \(kind.rawValue): \(reason)") }

    /// All shapes, as many as told and of extents that can be computed with.
    func shapes(_ count: ClosedRange<Int>) throws -> [[Int]] {
        let shapes = shapes ?? []
        guard count.contains(shapes.count) else {
            throw refusal("\(shapes.count) shapes, not \(count.lowerBound) to \(count.upperBound)")
        }
        for shape in shapes {
            let (elements, overflow) = shape.reduce((1, false)) { so, extent in
                let (product, over) = so.0.multipliedReportingOverflow(by: extent)
                return (product, so.1 || over)
            }
            guard shape.allSatisfy({ $0 >= 1 }), !overflow, elements <= 1 << 32, shape.count <= 8 else {
                throw refusal("shape \(shape): 1 to 8 extents of at least 1 and at most 2^32 elements wanted")
            }
        }
        return shapes
    }

    func shape(ranks: ClosedRange<Int>) throws -> [Int] {
        let shape = try shapes(1...1)[0]
        guard ranks.contains(shape.count) else { throw refusal("shape \(shape): rank \(ranks) wanted") }
        return shape
    }
}

/// What a case does once its inputs are there.
struct Workload {
    /// Floating-point operations of a run, a multiply-add counting two; 0 where they are not the point.
    var operations = 0.0
    /// Bytes that must be read and written at the least; 0 where they are not the point.
    var bytes = 0.0
    /// What is timed; it may return before the device is done.
    let run: () throws -> Void
    /// Results to be compared with a peer's. Called at most once, before `run`.
    let outputs: () throws -> [Tensor]
}

extension Workload {
    /// A function whose results are those that are compared.
    init(operations: Double = 0, floats: Int = 0, _ function: @escaping () throws -> [Tensor]) {
        self.operations = operations
        bytes = Double(floats) * 4
        outputs = function
        run = { for tensor in try function() { tensor.evaluated() } }
    }
}

/// The inputs that both sides of a comparison make: Philox numbers (see `RandomKey`) of seed 7, uniform from -1 to 1, a stream
/// for each tensor.
enum ComparedInput {
    static func floats(_ shape: [Int], stream: Int, on device: any Device) -> Tensor {
        Tensor.random(
            .uniform(low: -1, high: 1), shape: shape, key: RandomKey(seed: 7, stream: UInt64(stream)), on: device)
    }
}
