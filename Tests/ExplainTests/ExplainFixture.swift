import Foundation
import Martlet
import MartletExplain
import MartletFigures
import Testing

/// The devices that topics run on: the same body on each.
enum ExplainDevices {
    static let all: [any Device] = {
        guard let cpu = try? Devices.choose("cpu").device else { return [] }
        guard let openCL = try? Devices.choose("opencl").device else {
            print("no OpenCL device: topics are tested on the processor alone")
            return [cpu]
        }
        return [cpu, openCL]
    }()

    static let ids = all.map(\.info.id)

    static func device(_ id: String) throws -> any Device { try #require(all.first { $0.info.id == id }) }
}

/// Figures by the names on the way to them.
struct Figures {
    let json: Any

    init(_ json: Any) { self.json = json }

    init(_ explanation: Explanation) throws {
        json = try JSONSerialization.jsonObject(with: Data(JSON.object(explanation.figures).text.utf8))
    }

    subscript(_ path: String...) -> Figures {
        Figures(path.reduce(json) { ($0 as? [String: Any])?[$1] ?? NSNull() })
    }
    var number: Double { (json as? NSNumber)?.doubleValue ?? .nan }
    var isNull: Bool { json is NSNull }
    var list: [Figures] { (json as? [Any] ?? []).map(Figures.init) }
    var numbers: [Double] { list.map(\.number) }
}

/// Runs a topic on a device, and checks what holds for all: pictures that are well-formed, and a page that needs nothing else.
func explained(_ topic: String, on id: String, _ request: ExplainRequest = ExplainRequest()) throws -> Figures {
    let explanation = try withDevice(try ExplainDevices.device(id)) { try ExplainCatalog.named(topic).explain(request) }
    #expect(!explanation.files.isEmpty && !explanation.page.sections.isEmpty)
    #expect(Set(explanation.files.map(\.name)).count == explanation.files.count)
    for file in explanation.files where file.name.hasSuffix(".svg") {
        let text = String(decoding: file.bytes, as: UTF8.self)
        #expect(text.hasPrefix("<svg") && !text.contains("\"nan\"") && !text.contains("\"inf\""), "\(file.name)")
    }
    let html = explanation.page.html
    #expect(html.hasSuffix("</html>\n") && html.contains("<svg"))
    #expect(!html.contains("src=\"http") && !html.contains("href=\"http"))
    return try Figures(explanation)
}
