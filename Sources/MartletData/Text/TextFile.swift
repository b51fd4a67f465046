/// Text from files: UTF-8, also gzip-compressed, checked.
package enum TextFile {
    /// The largest text that is read.
    package static let largest = 1 << 31

    /// The whole text. A byte-order mark at its start is left out. Throws where it is no UTF-8, with the line at fault.
    package static func text(_ path: String) throws(DataError) -> String {
        var bytes = try InputFile.contents(path, limit: largest)
        if path.lowercased().hasSuffix(".gz") || Gzip.isGzip(bytes) {
            bytes = try Gzip.inflate(bytes, limit: largest, file: path)
        }
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        if let text = String(validating: content, as: UTF8.self) { return text }
        let line = firstDamagedLine(content)
        throw DataError(
            .damaged, file: path, line: line, problem: "holds bytes that are not UTF-8",
            remedy: "convert the file to UTF-8, as by iconv")
    }

    /// The lines, ended by \n, \r\n or the text's end. A last line without text after its end does not count.
    package static func lines(_ path: String) throws(DataError) -> [String] {
        var lines = try text(path).utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(Substring(line.last == 0x0D ? line.dropLast() : line))
        }
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        return lines
    }

    private static func firstDamagedLine(_ bytes: ArraySlice<UInt8>) -> Int {
        var number = 1
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if String(validating: line, as: UTF8.self) == nil { return number }
            number += 1
        }
        return number
    }
}
