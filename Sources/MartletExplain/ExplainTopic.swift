import MartletFigures
import MartletTraining

/// A topic of `martlet explain`: how a thing works, in pictures and figures.
///
/// A topic is one value in one file, listed in `ExplainCatalog.all`. It says what it takes, and whatever it does not take is refused
/// before it runs.
public struct ExplainTopic: Sendable {
    /// Whether a topic takes something.
    public enum Need: Sendable, Hashable { case none, optional, required }

    public let name: String
    /// One line for `--list`.
    public let summary: String
    /// What the operands are, such as `photo.jpg`; nil where there are none.
    public let operands: String?
    /// The fewest and the most operands.
    public let operandCount: ClosedRange<Int>
    /// A trained model: `--run DIR`, or `--model MODEL --weights FILE`.
    public let model: Need
    /// Whether it takes `--data`.
    public let takesData: Bool
    /// Hyper-parameters that `--set` can change.
    public let settings: [Settings.Key]
    private let body: @Sendable (ExplainRequest) throws -> Explanation

    /// - Parameter body: makes the pictures and figures, on the default device; random numbers follow from the request's seed.
    public init(
        _ name: String, _ summary: String, operands: String? = nil, operandCount: ClosedRange<Int> = 0...0, model: Need = .none,
        takesData: Bool = false, settings: [Settings.Key] = [], _ body: @escaping @Sendable (ExplainRequest) throws -> Explanation
    ) {
        self.name = name
        self.summary = summary
        self.operands = operands
        self.operandCount = operandCount
        self.model = model
        self.takesData = takesData
        self.settings = settings
        self.body = body
    }

    /// Refuses what the topic does not take, in one line.
    public func check(_ request: ExplainRequest) throws {
        guard operandCount.contains(request.operands.count) else {
            let what = operands.map { "give \(operandCount.upperBound == 1 ? "one" : "") \($0)" } ?? "give none"
            throw TrainingError(
                .input,
                "explain \(name): \(request.operands.count) operands (\(request.operands.joined(separator: ", "))); "
                    + what.split(separator: " ").joined(separator: " "))
        }
        if request.model != nil, model == .none {
            throw TrainingError(.input, "explain \(name): takes no model; drop --run, --model and --weights")
        }
        if request.model == nil, model == .required {
            throw TrainingError(.input, "explain \(name): needs a model; give --run DIR, or --model MODEL with --weights FILE")
        }
        if request.data != nil, !takesData { throw TrainingError(.input, "explain \(name): takes no --data; drop it") }
        let known = Set(settings.map(\.name))
        for key in request.settings.values.keys.sorted() where !known.contains(key) {
            let others = known.isEmpty ? "it has none" : "it has \(known.sorted().joined(separator: ", "))"
            throw TrainingError(.input, "--set \(key)=...: explain \(name) has no such setting; \(others)")
        }
    }

    /// Makes the pictures and figures, on the default device.
    public func explain(_ request: ExplainRequest) throws -> Explanation {
        try check(request)
        return try body(request)
    }
}

/// What a topic is asked to explain.
public struct ExplainRequest: Sendable {
    /// Files or text.
    public var operands: [String]
    /// The model to look into; nil where none was given.
    public var model: TrainedSource?
    /// As `--data` takes it.
    public var data: String?
    public var settings: Settings
    public var seed: UInt64

    public init(
        operands: [String] = [], model: TrainedSource? = nil, data: String? = nil, settings: Settings = Settings(),
        seed: UInt64 = 1
    ) {
        self.operands = operands
        self.model = model
        self.data = data
        self.settings = settings
        self.seed = seed
    }
}

/// What a topic has to say: figures, pictures and a page that holds them all.
public struct Explanation: Sendable {
    /// Numbers that others can check, in order.
    public var figures: [(String, JSON)]
    public var page: HTMLPage
    /// Files beside the page, each complete in itself: its name with its ending, and its bytes.
    public private(set) var files: [(name: String, bytes: [UInt8])] = []

    public init(figures: [(String, JSON)] = [], page: HTMLPage) {
        self.figures = figures
        self.page = page
    }

    /// A picture for a file of its own, `NAME.svg`.
    public mutating func add(_ name: String, _ figure: any Figure) { files.append((name + ".svg", Array(figure.svg.utf8))) }

    /// Pixels for a file of their own, `NAME.png`.
    public mutating func add(_ name: String, _ raster: Raster) { files.append((name + ".png", raster.png)) }
}
