import Foundation
import Martlet

/// Text for people goes to standard error, results to standard output.
enum Console {
    static func note(_ text: String) { write(text + "\n") }
    static func error(_ text: String) { write("martlet: " + text + "\n") }

    /// A result: on standard output, where JSON goes too.
    static func result(_ text: String) { self.text(text + "\n") }

    /// A piece of a result, at once.
    static func text(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            self.error("standard output cannot be written (\(String(cString: strerror(errno)))); give it room, or another place")
            Foundation.exit(1)
        }
    }

    /// Whether bars and colours are wanted.
    static let isLively = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// Replaces the current line by a bar; nothing where bars are not wanted.
    static func bar(_ done: Int, of total: Int, _ text: String) {
        guard isLively, total > 0 else { return }
        let width = 30, filled = min(width, width * done / total)
        write(
            "\r\u{1B}[K" + String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
                + " \(done)/\(total)  \(text)")
    }

    /// Clears the bar's line.
    static func clearBar() { if isLively { write("\r\u{1B}[K") } }

    private static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

func percent(_ value: Double) -> String { String(format: "%.2f %%", value * 100) }
func decimals(_ value: Double, _ count: Int = 4) -> String { String(format: "%.\(count)f", value) }

/// A metric for people: shares in per cent, other figures as they are.
func shown(_ metric: String, _ value: Double) -> String {
    switch metric {
    case "perplexity", "bleu": decimals(value, 2)
    case "valLoss", "trainLoss": decimals(value)
    default: percent(value)
    }
}
