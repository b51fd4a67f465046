import MartletCore
import MartletFigures

/// What the topics of text share.
enum TextPictures {
    /// Tokens as labels: what cannot be seen gets a sign.
    static func label(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case " ": result += "␣"
            case "\n": result += "⏎"
            case "\t": result += "⇥"
            case _ where scalar.properties.generalCategory == .control: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result.isEmpty ? "·" : result
    }

    /// A matrix [rows, columns] of host values.
    static func rows(_ values: [Float], columns: Int) -> [[Double]] {
        stride(from: 0, to: values.count, by: max(columns, 1)).map { start in
            values[start..<min(start + columns, values.count)].map { Double($0) }
        }
    }

    static func decimals(_ value: Double, _ count: Int = 2) -> String {
        guard value.isFinite else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<count { scale *= 10 }
        return tidy((value * scale).rounded() / scale)
    }
}
