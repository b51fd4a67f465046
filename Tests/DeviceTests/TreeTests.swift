import Foundation
import MartletConformance
import Testing

/// One op family, one noun, one place in each layer.
@Suite struct TreeTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test(arguments: OpFamily.allCases) func familyHasItsFiles(_ family: OpFamily) {
        let noun = family.rawValue
        var files = [
            "Sources/MartletCore/Device/Ops/\(noun).swift",
            "Sources/MartletCPU/Ops/CPUDevice+\(noun).swift",
            "Sources/MartletOpenCL/Ops/OpenCLDevice+\(noun).swift",
            "Sources/MartletConformance/Ops/\(noun)+Cases.swift",
        ]
        // Memory has nothing to derive; it and pointwise and update work need no kernel file, theirs are written for each expression.
        if family != .memory { files.append("Sources/MartletCore/Autograd/Ops/\(noun)+Gradient.swift") }
        if ![.memory, .pointwise, .update].contains(family) { files.append("Kernels/\(noun).cl") }
        for file in files {
            #expect(FileManager.default.fileExists(atPath: Self.root + "/" + file), "\(file) is missing")
        }
    }

    /// No layer has an op family that the suite does not know.
    @Test(arguments: [
        ("Sources/MartletCore/Device/Ops", "", ".swift"), ("Sources/MartletCore/Autograd/Ops", "", "+Gradient.swift"),
    ])
    func noOtherFamilies(_ folder: String, _ before: String, _ after: String) throws {
        let nouns = try FileManager.default.contentsOfDirectory(atPath: Self.root + "/" + folder)
            .filter { $0.hasPrefix(before) && $0.hasSuffix(after) }.map {
                String($0.dropFirst(before.count).dropLast(after.count))
            }
        #expect(Set(nouns).isSubset(of: Set(OpFamily.allCases.map(\.rawValue))))
        #expect(!nouns.isEmpty)
    }

    /// A device is an extension a family: nothing above `Device` names a kind of device.
    @Test func noKindsOfDeviceAboveTheContract() throws {
        for layer in ["MartletCore", "MartletNN", "MartletModels"] {
            let folder = URL(fileURLWithPath: Self.root + "/Sources/" + layer).resolvingSymlinksInPath().path + "/"
            var read = 0
            for case let file as String in try #require(FileManager.default.enumerator(atPath: folder))
            where file.hasSuffix(".swift") {
                let text = try String(contentsOfFile: folder + file, encoding: .utf8)
                read += 1
                for name in ["CPUDevice", "OpenCLDevice", "import MartletCPU", "import MartletOpenCL"] {
                    #expect(!text.contains(name), "\(layer)/\(file) names \(name)")
                }
            }
            #expect(read > 0, "no sources in \(layer)")
        }
    }
}
