// embed OUTPUT FILE...: writes a Swift file whose `embeddedFiles` maps each file's name to its text,
// or, for compressed data, to its bytes in base 64.
import Foundation

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else { fatalError("usage: embed OUTPUT FILE...") }

var source = "let embeddedFiles: [String: String] = [\n"
for path in arguments.dropFirst() {
    let url = URL(fileURLWithPath: path)
    let data = try Data(contentsOf: url)
    let text = ["cl", "txt"].contains(url.pathExtension) ? String(decoding: data, as: UTF8.self) : data.base64EncodedString()
    let fence = String(repeating: "#", count: 3)
    source += "    \"\(url.lastPathComponent)\": \(fence)\"\"\"\n\(text)\n\"\"\"\(fence),\n"
}
if arguments.count == 1 { source += "    :\n" }
source += "]\n"
try source.write(toFile: output, atomically: true, encoding: .utf8)
