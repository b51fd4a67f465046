/// Builds SVG text. Colours stand in attributes for a light page, and classes change them on a dark one; so the picture is right in
/// programs that know no style sheets.
struct SVG {
    private(set) var body = ""

    static let font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"

    /// What changes on a dark page.
    static let style: String = {
        let names = [("text", "#e6e9ed"), ("muted", "#9aa4af"), ("grid", "#333a44"), ("paper", "#14171c"), ("frame", "#59626d")]
        var rules = names.map { ".f-\($0.0){fill:\($0.1)}.l-\($0.0){stroke:\($0.1)}" }
        for (index, pair) in Ink.palette.enumerated() {
            rules.append(".f-s\(index){fill:\(pair.dark.hex)}.l-s\(index){stroke:\(pair.dark.hex)}")
        }
        return "@media (prefers-color-scheme:dark){" + rules.joined() + "}"
    }()

    /// Colours of the page's own parts.
    enum Tone: String {
        case text, muted, grid, paper, frame

        var light: String {
            switch self {
            case .text: "#1f2328"
            case .muted: "#5f6871"
            case .grid: "#e3e6ea"
            case .paper: "#ffffff"
            case .frame: "#a3abb4"
            }
        }
    }

    /// A whole document.
    static func document(width: Double, height: Double, title: String, body: String) -> String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(width)) \(text(height))\" width=\"\(text(width))\" "
            + "height=\"\(text(height))\" font-family=\"\(font)\" font-size=\"12\" role=\"img\">"
            + (title.isEmpty ? "" : "<title>\(escaped(title))</title>") + "<style>\(style)</style>"
            + "<rect width=\"100%\" height=\"100%\"\(fill(.paper))/>" + body + "</svg>\n"
    }

    mutating func add(_ markup: String) { body += markup }

    // MARK: Attributes

    static func fill(_ tone: Tone) -> String { " class=\"f-\(tone.rawValue)\" fill=\"\(tone.light)\"" }
    static func stroke(_ tone: Tone) -> String { " class=\"l-\(tone.rawValue)\" stroke=\"\(tone.light)\" fill=\"none\"" }

    static func fill(_ ink: Ink) -> String {
        switch ink {
        case .text: fill(Tone.text)
        case .muted: fill(Tone.muted)
        case .color(let color): " fill=\"\(color.hex)\""
        case .series(let index): " class=\"f-s\(Ink.position(index))\" fill=\"\(ink.color.hex)\""
        case .automatic: fill(Ink.series(0))
        }
    }

    static func stroke(_ ink: Ink) -> String {
        switch ink {
        case .text: stroke(Tone.text)
        case .muted: stroke(Tone.muted)
        case .color(let color): " stroke=\"\(color.hex)\" fill=\"none\""
        case .series(let index): " class=\"l-s\(Ink.position(index))\" stroke=\"\(ink.color.hex)\" fill=\"none\""
        case .automatic: stroke(Ink.series(0))
        }
    }

    // MARK: Shapes

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ attributes: String) {
        add(
            "<line x1=\"\(Self.text(x1))\" y1=\"\(Self.text(y1))\" x2=\"\(Self.text(x2))\" y2=\"\(Self.text(y2))\"\(attributes)/>"
        )
    }

    mutating func rect(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ attributes: String) {
        add(
            "<rect x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" width=\"\(Self.text(max(width, 0)))\" "
                + "height=\"\(Self.text(max(height, 0)))\"\(attributes)/>")
    }

    mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ attributes: String) {
        add("<circle cx=\"\(Self.text(x))\" cy=\"\(Self.text(y))\" r=\"\(Self.text(radius))\"\(attributes)/>")
    }

    enum Anchor: String { case start, middle, end }

    mutating func text(
        _ string: String, _ x: Double, _ y: Double, size: Double = 12, anchor: Anchor = .start, weight: Int = 400,
        fill: String = Self.fill(Tone.text), rotated degrees: Double = 0, hasHalo: Bool = false
    ) {
        if string.isEmpty { return }
        let place = "x=\"\(Self.text(x))\" y=\"\(Self.text(y))\""
        let halo = " stroke=\"#fff\" stroke-opacity=\"0.75\" stroke-width=\"3\" paint-order=\"stroke\" class=\"l-paper\""
        // One element has one class: below a halo that of the colour stands on a part of its own.
        if hasHalo {
            add("<g\(halo) stroke-linejoin=\"round\">")
        }
        defer { if hasHalo { add("</g>") } }
        add(
            "<text \(place) font-size=\"\(Self.text(size))\"\(fill)"
                + (anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\"")
                + (weight == 400 ? "" : " font-weight=\"\(weight)\"")
                + (degrees == 0 ? "" : " transform=\"rotate(\(Self.text(degrees)) \(Self.text(x)) \(Self.text(y)))\"")
                + ">\(Self.escaped(string))</text>")
    }

    /// Straight lines through points, as the data of a path.
    static func path(_ points: [Point], closed: Bool = false) -> String {
        var data = ""
        for (index, point) in points.enumerated() {
            data += (index == 0 ? "M" : "L") + text(point.x) + " " + text(point.y)
        }
        return data + (closed && !points.isEmpty ? "Z" : "")
    }

    // MARK: Text

    /// A coordinate with at most two decimals.
    static func text(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let hundredths = (min(max(value, -1e7), 1e7) * 100).rounded()
        let whole = Int(hundredths)
        let (units, rest) = (abs(whole) / 100, abs(whole) % 100)
        let sign = whole < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(units)" }
        if rest % 10 == 0 { return "\(sign)\(units).\(rest / 10)" }
        return "\(sign)\(units).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// About how wide a text is.
    static func width(of text: String, size: Double = 12) -> Double {
        text.reduce(0) { sum, character in
            let share =
                switch character {
                case "i", "j", "l", "t", "f", "r", "I", ".", ",", ":", "'", " ", "|", "(", ")", "-": 0.34
                case "m", "w", "M", "W", "@", "%": 0.88
                case _ where character.isUppercase: 0.68
                case _ where character.isASCII: 0.57
                case "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁻": 0.4
                case "·", "−": 0.5
                default: character.utf8.count > 2 ? 1 : 0.6
                }
            return sum + share * size
        }
    }

    /// Text for an element or an attribute; what XML does not allow becomes a replacement character.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
