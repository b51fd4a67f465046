import MartletCore

/// The cases that memory bounds. Bytes count every input once (twice for the training form of batch normalisation, whose
/// statistics must be known before anything is written) and every output once.
extension ComparedCase {
    func pointwiseWorkload(_ device: any Device) throws -> Workload {
        let shape = try shape(ranks: 1...8), count = shape.reduce(1, *)
        let x = ComparedInput.floats(shape, stream: 0, on: device)
        func unary(_ function: @escaping (Tensor) -> Tensor) -> Workload { Workload(floats: 2 * count) { [function(x)] } }
        switch operation {
        case "copy":
            return Workload(floats: 2 * count) {
                let y = Tensor(empty: shape, on: device)
                device.pointwise(.input(0), scalars: [], inputs: [x.view(on: device)], outputs: [y.view(on: device)])
                return [y]
            }
        case "relu": return unary { $0.relu() }
        case "gelu": return unary { $0.gelu() }
        case "tanh": return unary { $0.tanh() }
        case "chain": return unary { ((($0 * 2 + 1) * $0 - 0.5) * $0 + 3).relu() * 0.1 + $0 }
        case "add":
            let y = ComparedInput.floats(shape, stream: 1, on: device)
            return Workload(floats: 3 * count) { [x + y] }
        default: throw refusal("no operation '\(operation ?? "")'")
        }
    }

    func rowsWorkload(_ device: any Device) throws -> Workload {
        let shape = try shape(ranks: 2...4), count = shape.reduce(1, *)
        let x = ComparedInput.floats(shape, stream: 0, on: device)
        func reduction(_ axes: [Int]?, _ function: @escaping (Tensor) -> Tensor) -> Workload {
            let results = axes.map { count / $0.reduce(1) { $0 * shape[$1] } } ?? 1
            return Workload(floats: count + results) { [function(x)] }
        }
        switch (kind, operation) {
        case (.softmax, "softmax"): return Workload(floats: 2 * count) { [x.softmax()] }
        case (.softmax, "logSoftmax"): return Workload(floats: 2 * count) { [x.logSoftmax()] }
        case (.normalization, "layer"):
            let width = shape[shape.count - 1]
            let scale = ComparedInput.floats([width], stream: 1, on: device)
            let shift = ComparedInput.floats([width], stream: 2, on: device)
            return Workload(floats: 2 * count) { [layerNorm(x, scale: scale, shift: shift)] }
        case (.normalization, "batch"):
            let scale = ComparedInput.floats([shape[1]], stream: 1, on: device)
            let shift = ComparedInput.floats([shape[1]], stream: 2, on: device)
            return Workload(floats: 3 * count) { [batchNorm(x, scale: scale, shift: shift).output] }
        case (.reduction, "sum"): return reduction(nil) { $0.sum() }
        case (.reduction, "sumOfRows"): return reduction([shape.count - 1]) { $0.sum([shape.count - 1]) }
        case (.reduction, "sumOfColumns"): return reduction([0]) { $0.sum([0]) }
        case (.reduction, "maximumOfRows"): return reduction([shape.count - 1]) { $0.max([shape.count - 1]) }
        case (.reduction, "sumOfChannels") where shape.count == 4: return reduction([0, 2, 3]) { $0.sum([0, 2, 3]) }
        default: throw refusal("no operation '\(operation ?? "")' for shape \(shape)")
        }
    }

    func poolingWorkload(_ device: any Device) throws -> Workload {
        let shape = try shape(ranks: 4...4), count = shape.reduce(1, *)
        let x = ComparedInput.floats(shape, stream: 0, on: device)
        func windows(_ options: PoolingOptions, indices: Int, _ function: @escaping (Tensor) -> Tensor) throws -> Workload {
            guard shape[2] >= options.kernel.y, shape[3] >= options.kernel.x else {
                throw refusal("shape \(shape): smaller than the window")
            }
            let size = options.outputSize(image: Pair(shape[2], shape[3]))
            return Workload(floats: count + (1 + indices) * shape[0] * shape[1] * size.y * size.x) { [function(x)] }
        }
        switch operation {
        case "maximum2":
            return try windows(.init(kernel: 2), indices: 1) { $0.maxPooled(.init(kernel: 2)) }
        case "maximum3":
            let options = PoolingOptions(kernel: 3, stride: 2, padding: 1)
            return try windows(options, indices: 1) { $0.maxPooled(options) }
        case "average2":
            return try windows(.init(kernel: 2), indices: 0) { $0.averagePooled(.init(kernel: 2)) }
        case "globalAverage":
            return Workload(floats: count + shape[0] * shape[1]) { [x.adaptiveAveragePooled(1)] }
        default: throw refusal("no operation '\(operation ?? "")'")
        }
    }
}
