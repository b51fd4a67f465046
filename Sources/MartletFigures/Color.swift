/// A colour of the sRGB space.
public struct Color: Sendable, Hashable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// From 0xRRGGBB.
    public init(_ hex: UInt32) {
        self.init(
            red: UInt8(truncatingIfNeeded: hex >> 16), green: UInt8(truncatingIfNeeded: hex >> 8),
            blue: UInt8(truncatingIfNeeded: hex))
    }

    /// `#rrggbb`.
    public var hex: String {
        let digits = Array("0123456789abcdef")
        return "#" + [red, green, blue].map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
    }

    /// This colour mixed with another; `share` of it from 0 to 1.
    public func mixed(with other: Color, _ share: Double) -> Color {
        let share = share.isFinite ? min(max(share, 0), 1) : 0
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8((Double(a) + (Double(b) - Double(a)) * share).rounded()) }
        return Color(red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
    }

    /// How bright it looks, 0...1 (Rec. 709 weights on gamma-coded values).
    public var brightness: Double { (0.2126 * Double(red) + 0.7152 * Double(green) + 0.0722 * Double(blue)) / 255 }
}

/// Colours for values from 0 to 1. The maps here keep their order for colour-blind eyes and in grey print.
public struct ColorMap: Sendable, Hashable {
    private let stops: [Color]
    /// Of values that are not finite.
    public var missing = Color(0xB8B8B8)

    /// Evenly spaced colours with straight lines between them.
    public init(_ stops: [Color]) { self.stops = stops.isEmpty ? [Color(0x808080)] : stops }

    private init(_ stops: [UInt32]) { self.init(stops.map { Color($0) }) }

    /// The colour of a value; outside 0...1 that of the end.
    public func callAsFunction(_ value: Double) -> Color {
        guard value.isFinite else { return missing }
        let position = min(max(value, 0), 1) * Double(stops.count - 1)
        let index = min(Int(position), max(stops.count - 2, 0))
        guard stops.count > 1 else { return stops[0] }
        return stops[index].mixed(with: stops[index + 1], position - Double(index))
    }

    /// Dark blue through green to yellow: for quantities.
    public static let viridis = ColorMap([
        0x440154, 0x482475, 0x414487, 0x355F8D, 0x2A788E, 0x21918C, 0x22A884, 0x44BF70, 0x7AD151, 0xBDDF26, 0xFDE725,
    ])
    /// White to dark blue: for counts and shares.
    public static let blues = ColorMap([
        0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x08519C, 0x08306B,
    ])
    /// Blue below, white in the middle, orange-red above: for values with a sign.
    public static let diverging = ColorMap([
        0x053061, 0x2166AC, 0x4393C3, 0x92C5DE, 0xD1E5F0, 0xF7F7F7, 0xFDDBC7, 0xF4A582, 0xD6604D, 0xB2182B, 0x67001F,
    ])
    /// Black through red and orange to light yellow: for heat over a picture.
    public static let magma = ColorMap([
        0x000004, 0x140E36, 0x3B0F70, 0x641A80, 0x8C2981, 0xB73779, 0xDE4968, 0xF7705C, 0xFE9F6D, 0xFECF92, 0xFCFDBF,
    ])
    /// Black to white.
    public static let gray = ColorMap([0x000000, 0xFFFFFF])
}

/// What something is drawn with.
public enum Ink: Sendable, Hashable {
    /// The series' own colour, by its place among the named ones.
    case automatic
    /// One of eight colours that colour-blind eyes tell apart (after Okabe and Ito); they go round, and differ a little between
    /// light and dark pages.
    case series(Int)
    /// The colour of text.
    case text
    /// That of things in the background.
    case muted
    case color(Color)

    /// The eight colours on a light page, and on a dark one.
    static let palette: [(light: Color, dark: Color)] = [
        (Color(0x0072B2), Color(0x4FB0E8)), (Color(0xD55E00), Color(0xFF8A4C)), (Color(0x009E73), Color(0x2FCB9F)),
        (Color(0xB5548B), Color(0xEE9FCB)), (Color(0xDB9400), Color(0xF6BE4A)), (Color(0x3FA3DD), Color(0x9AD8FA)),
        (Color(0x6B4CA8), Color(0xB79AF0)), (Color(0x6E6E6E), Color(0xB4B4B4)),
    ]

    static func position(_ index: Int) -> Int { ((index % palette.count) + palette.count) % palette.count }

    /// The colour on a light page.
    public var color: Color {
        switch self {
        case .automatic: Self.palette[0].light
        case .series(let index): Self.palette[Self.position(index)].light
        case .text: Color(0x1F2328)
        case .muted: Color(0x7A828C)
        case .color(let color): color
        }
    }
}
