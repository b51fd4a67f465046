/// The op families, by the noun each keeps through all layers.
public enum OpFamily: String, CaseIterable, Sendable, Codable {
    case memory = "Memory"
    case pointwise = "Pointwise"
    case reduction = "Reduction"
    case matmul = "Matmul"
    case convolution = "Convolution"
    case pooling = "Pooling"
    case normalization = "Normalization"
    case softmax = "Softmax"
    case attention = "Attention"
    case recurrence = "Recurrence"
    case indexing = "Indexing"
    case region = "Region"
    case random = "Random"
    case update = "Update"

    /// Its conformance cases.
    public var cases: [ConformanceCase] {
        switch self {
        case .memory: MemoryCases.all
        case .pointwise: PointwiseCases.all
        case .reduction: ReductionCases.all
        case .matmul: MatmulCases.all
        case .convolution: ConvolutionCases.all
        case .pooling: PoolingCases.all
        case .normalization: NormalizationCases.all
        case .softmax: SoftmaxCases.all
        case .attention: AttentionCases.all
        case .recurrence: RecurrenceCases.all
        case .indexing: IndexingCases.all
        case .region: RegionCases.all
        case .random: RandomCases.all
        case .update: UpdateCases.all
        }
    }
}
