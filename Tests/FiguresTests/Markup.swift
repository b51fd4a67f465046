import Foundation
import FoundationXML
import MartletFigures
import Testing

/// A figure's elements, after the check that its document is well-formed XML.
struct Markup {
    struct Element {
        let name: String
        let attributes: [String: String]
        var text = ""
        func number(_ key: String) -> Double { attributes[key].flatMap(Double.init) ?? .nan }
    }

    private(set) var elements: [Element] = []

    init(_ document: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let reader = Reader()
        let parser = XMLParser(data: Data(document.utf8))
        parser.delegate = reader
        let isWellFormed = parser.parse()
        #expect(isWellFormed, "\(parser.parserError.map { "\($0)" } ?? "")", sourceLocation: sourceLocation)
        elements = reader.elements
    }

    func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }
    var texts: [String] { all("text").map(\.text) }

    /// The corners of a path's straight lines.
    static func corners(_ element: Element) -> [Point] {
        let numbers = (element.attributes["d"] ?? "").split { "MLZ ".contains($0) }.compactMap { Double($0) }
        return stride(from: 0, to: numbers.count - 1, by: 2).map { Point(numbers[$0], numbers[$0 + 1]) }
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [Element] = []
        private var open: [Int] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            open.append(elements.count)
            elements.append(Element(name: name, attributes: attributes))
        }
        func parser(_ parser: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
            open.removeLast()
        }
        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if let index = open.last { elements[index].text += text }
        }
    }
}
