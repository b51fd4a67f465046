import Foundation
import MartletCore
import MartletData
import MartletNN

/// What the frozen layers at a model's beginning make of each sample, computed once and kept in memory, so that an epoch has only the layers
/// behind them to do.
struct KeptFeatures {
    let prefix: FrozenPrefix
    /// The data's samples with their features for values.
    let training: InMemoryDataset
    let heldOut: InMemoryDataset?

    /// The most that is kept: a quarter of the host's memory.
    static var limit: Int { Int(min(ProcessInfo.processInfo.physicalMemory / 4, 1 << 40)) }

    /// Bytes that the features of some data take.
    static func bytes(_ prefix: FrozenPrefix, _ data: DatasetSplits) throws -> Int {
        let shape = try featureShape(prefix, data.training)
        return (data.training.count + (data.heldOut?.count ?? 0)) * shape.reduce(1, *) * 4
    }

    /// Computes them.
    ///
    /// - Parameter stop: asked between batches; true gives up by throwing `Interruption`.
    init(
        _ prefix: FrozenPrefix, of data: DatasetSplits, batchSize: Int, evaluationBatchSize: Int, threads: Int, stop: () -> Bool
    ) throws {
        self.prefix = prefix
        training = try Self.features(prefix.features, data.training, batchSize, threads, stop)
        heldOut = try data.heldOut.map { dataset in
            try Self.features({ x in withoutGradients { prefix.layers(x) } }, dataset, evaluationBatchSize, threads, stop)
        }
    }

    private static func featureShape(_ prefix: FrozenPrefix, _ dataset: any Dataset) throws -> [Int] {
        Array(prefix.features(of: try dataset.sample(at: 0).images).shape.dropFirst())
    }

    private static func features(
        _ function: (Tensor) -> Tensor, _ dataset: any Dataset, _ batchSize: Int, _ threads: Int, _ stop: () -> Bool
    ) throws -> InMemoryDataset {
        let batches = try BatchLoader(dataset, batchSize: batchSize, threads: threads).batches(epoch: 0)
        var values: [Float] = [], shape: [Int] = []
        while let batch = try batches.next() {
            if stop() { throw Interruption() }
            let features = function(batch.images)
            if values.isEmpty {
                shape = Array(features.shape.dropFirst())
                values.reserveCapacity(dataset.count * shape.reduce(1, *))
            }
            values += try features.floats()
        }
        return InMemoryDataset(
            name: dataset.name, values: values, sampleShape: shape, labels: (0..<dataset.count).map { dataset.label(at: $0) },
            classNames: dataset.classNames)
    }
}
