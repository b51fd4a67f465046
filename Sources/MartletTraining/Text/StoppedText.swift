import MartletData

/// Text that comes token by token and ends before the first of some texts. What may be the beginning of one is held back.
public struct StoppedText {
    private var stream: TokenStream
    private let stops: [[Unicode.Scalar]]
    private var waiting: [Unicode.Scalar] = []
    /// All text let through so far.
    public private(set) var text = ""
    /// Whether one of the texts has come.
    public private(set) var isStopped = false

    public init(_ tokenizer: Tokenizer, stops: [String]) {
        stream = TokenStream(tokenizer)
        self.stops = stops.map { Array($0.unicodeScalars) }
    }

    /// The text that a token lets through.
    public mutating func add(_ token: Int32) -> String {
        if isStopped { return "" }
        waiting += Array(stream.add(token).unicodeScalars)
        return release(all: false)
    }

    /// What was held back.
    public mutating func finish() -> String {
        if isStopped { return "" }
        waiting += Array(stream.finish().unicodeScalars)
        return release(all: true)
    }

    private mutating func release(all: Bool) -> String {
        var end = waiting.count
        for place in waiting.indices {
            let rest = waiting[place...]
            if stops.contains(where: { rest.starts(with: $0) }) {
                (end, isStopped) = (place, true)
                break
            }
            if !all, stops.contains(where: { $0.starts(with: rest) }) {
                end = place
                break
            }
        }
        let piece = String(String.UnicodeScalarView(waiting[..<end]))
        waiting.removeFirst(end)
        text += piece
        return piece
    }
}
