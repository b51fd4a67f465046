import Foundation
import MartletCore
import MartletConformance
import MartletData
import MartletOpenCL
import Testing

/// The search for kernel variants, on each OpenCL device; the clock is pretended where what it says decides.
@Suite(.serialized) struct TunerTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/martlet-tuner-\(UUID().uuidString)"
    private static let candidates = OpenCLDevices.discover().usable

    private func device(_ candidate: OpenCLDevice.Candidate, _ deviceClass: DeviceClass = .cpuLike) throws -> OpenCLDevice {
        try OpenCLDevice(candidate, deviceClass: deviceClass, cache: CacheFolder(folder))
    }

    /// The search of one class of shapes by one of its cases, timed by `time`.
    private func tune(
        _ device: any TunableDevice, _ filter: String, cases: Int = 1, extra: [KernelParameters] = [], most: Int = .max,
        _ time: @escaping (KernelParameters) -> Double
    ) throws -> (results: [Tuner.Result], isComplete: Bool, tried: [KernelParameters], passedOver: [Tuner.PassedOver]) {
        var tried: [KernelParameters] = [], passedOver: [Tuner.PassedOver] = []
        var asked = 0
        let tuner = try Tuner(device) {
            asked += 1
            return asked > most
        }
        tuner.mostCases = cases
        tuner.extraCandidates = extra
        tuner.pretendedTime = time
        let (results, isComplete) = try tuner.run(filter: filter) { event in
            if case .trying(_, _, _, let parameters, _) = event { tried.append(parameters) }
            if case .passedOver(_, _, let note) = event { passedOver.append(note) }
        }
        return (results, isComplete, tried, passedOver)
    }

    /// Best with a few rows and many work-items.
    private static func time(_ parameters: KernelParameters) -> Double {
        1 + abs(Double(parameters["rows"] ?? 0) - 6) / 10 + abs(Double(parameters["itemsPerUnit"] ?? 0) - 16) / 100
    }

    @Test func everyClassOfShapesHasCases() throws {
        for candidate in Self.candidates {
            for deviceClass in DeviceClass.allCases {
                let work = Tuner.work(on: try device(candidate, deviceClass), filter: "")
                #expect(!work.isEmpty)
                for (kernel, shapeClass) in work {
                    #expect(!TuningCase.all(of: kernel.name, for: shapeClass.name).isEmpty, "\(kernel.name)/\(shapeClass.name)")
                    #expect(!shapeClass.axes.isEmpty)
                }
            }
        }
    }

    /// Products wait for what may be joined to them: whoever times them has to ask for them.
    @Test func everyRunOfACaseIsComputed() throws {
        for candidate in Self.candidates {
            let device = try device(candidate)
            for (kernel, shapeClass) in Tuner.work(on: device, filter: "") {
                let last = try #require(TuningCase.all(of: kernel.name, for: shapeClass.name).last)
                let run = try last.prepare(device)
                try withDevice(device) {
                    for _ in 0..<2 {
                        let before = device.statistics.launches
                        _ = try run()
                        #expect(device.statistics.launches > before, "\(kernel.name)/\(shapeClass.name), \(last.name)")
                    }
                }
            }
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func theBestIsFoundAndKept() throws {
        for candidate in Self.candidates {
            let device = try device(candidate)
            let (results, isComplete, _, passedOver) = try tune(device, "Matmul/batched", Self.time)
            #expect(isComplete && results.count == 1 && passedOver.isEmpty)
            #expect(results.first?.parameters["rows"] == 6 && results.first?.parameters["itemsPerUnit"] == 16)
            #expect((results.first?.before ?? 0) > 0 && (results.first?.after ?? 0) > 0)
            // A later start uses it; another class of shapes does not.
            let later = try self.device(candidate)
            #expect(later.parameters(of: "Matmul", for: "batched") == results.first?.parameters)
            let shipped = try #require(later.tunableKernels.first { $0.name == "Matmul" }).shipped
            #expect(later.parameters(of: "Matmul", for: "large") == shipped)
            #expect(later.parameters(of: "Matmul", for: "batched") != shipped)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Ended after a few candidates, it goes on with the next one.
    @Test func aSearchGoesOnWhereItWas() throws {
        for candidate in Self.candidates {
            let whole = try tune(try device(candidate), "Matmul/batched", Self.time)
            try FileManager.default.removeItem(atPath: folder)
            let first = try tune(try device(candidate), "Matmul/batched", most: 5, Self.time)
            #expect(!first.isComplete && first.results.isEmpty && !first.tried.isEmpty)
            let second = try tune(try device(candidate), "Matmul/batched", Self.time)
            #expect(second.isComplete)
            #expect(first.tried + second.tried == whole.tried)
            #expect(second.results.first?.parameters == whole.results.first?.parameters)
            try FileManager.default.removeItem(atPath: folder)
        }
    }

    /// A variant that does not build, asks for more local memory than there is, or computes nonsense.
    @Test func unusableVariantsArePassedOver() throws {
        let doesNotBuild: KernelParameters = ["rows": 32, "columns": 32, "item": 4, "depth": -4]
        let tooLarge: KernelParameters = ["rows": 64, "columns": 64, "item": 4, "depth": 1 << 20]
        // An item's rows are groups of four.
        let wrong: KernelParameters = ["rows": 48, "columns": 48, "item": 6, "depth": 16]
        let unknown: KernelParameters = ["rows": 32, "columns": 32, "item": 4, "colour": 8]
        for candidate in Self.candidates {
            let device = try device(candidate, .gpuLike)
            let extra = [doesNotBuild, tooLarge, wrong, unknown]
            // They are pretended to be fast; it ends after them.
            let search = try tune(device, "MatmulTile/small", extra: extra, most: 5) { extra.contains($0) ? 0.1 : 1 }
            #expect(search.passedOver.map(\.parameters) == extra, "\(search.passedOver)")
            let reasons = search.passedOver.map(\.reason)
            for (reason, word) in zip(reasons, ["clBuildProgram", "local memory", "wrong result", "not of the space"]) {
                #expect(reason.contains(word), "\(reason)")
            }
            // Work goes on with what was there before.
            let x = try Tensor([Float](repeating: 1, count: 1 << 14), shape: [128, 128]).on(device)
            #expect(try matmul(x, x).floats().allSatisfy { $0 == 128 })
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What passes by its own cases and fails the conformance suite gives way to the next best.
    @Test func theNextBestIsTakenWhereTheBestIsWrong() throws {
        for candidate in Self.candidates {
            let device = try device(candidate, .gpuLike)
            let good: KernelParameters = ["rows": 32, "columns": 32, "item": 4, "depth": 8],
                wrong: KernelParameters = ["rows": 48, "columns": 48, "item": 6, "depth": 16]
            let tuner = try Tuner(device)
            (tuner.mostCases, tuner.extraCandidates) = (0, [good, wrong])
            tuner.pretendedTime = { $0 == wrong ? 0.1 : $0 == good ? 0.5 : 1 }
            let (results, isComplete) = try tuner.run(filter: "MatmulTile/small")
            #expect(isComplete && results.first?.parameters == good)
            #expect(results.first?.passedOver.contains { $0.parameters == wrong && $0.reason.contains("conformance") } ?? false)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func oneProgramTunesADeviceAtATime() throws {
        for candidate in Self.candidates {
            let device = try device(candidate)
            let first = try Tuner(device)
            let error = #expect(throws: DeviceError.self) { try Tuner(device) }
            #expect(error?.description.contains("another program is tuning it") ?? false)
            withExtendedLifetime(first) {}
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func aFolderThatCannotBeWrittenIsRefusedFirst() throws {
        for candidate in Self.candidates {
            try "a file in the way".write(toFile: folder, atomically: true, encoding: .utf8)
            #expect(throws: DataError.self) { try Tuner(try device(candidate)) }
            try FileManager.default.removeItem(atPath: folder)
            // Full: what is written to this device fails as on a full disk.
            let log = try Tuner(try device(candidate)).logPath
            try FileManager.default.removeItem(atPath: log)
            try FileManager.default.createSymbolicLink(atPath: log, withDestinationPath: "/dev/full")
            let error = #expect(throws: DataError.self) { try Tuner(try device(candidate)) }
            #expect(error?.kind == .diskFull && error?.description.contains("make room") ?? false)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Cut short, another program's, another device's, with values that no kernel takes: as if it were not there.
    @Test func aDamagedOrForeignTableCountsForNothing() throws {
        for candidate in Self.candidates {
            let first = try device(candidate)
            let tuned = first.parameters(of: "Matmul", for: "large").merging(["rows": 6]) { $1 }
            #expect(first.use(tuned, of: "Matmul", for: "large", isTrial: false))
            try first.keepParameters(of: "Matmul", for: "large")
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder + "/tuned").first)
            let path = folder + "/tuned/" + name, text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(try device(candidate).parameters(of: "Matmul", for: "large") == tuned)
            let shipped = try #require(first.tunableKernels.first { $0.name == "Matmul" }).shipped
            let damages = [
                String(text.dropLast(30)), "", "\u{0}\u{1}\u{2}", text.replacing("rows=6", with: "rows=7"),
                text.replacing("device ", with: "device another "), text + text,
            ]
            for damage in damages {
                try damage.write(toFile: path, atomically: true, encoding: .utf8)
                #expect(try device(candidate).parameters(of: "Matmul", for: "large") == shipped, "\(damage)")
            }
            // Whole, but with a value of no variant.
            let odd = first.use(["rows": 0], of: "Matmul", for: "large", isTrial: false)
            #expect(!odd)
            try first.keepParameters(of: "Matmul", for: "large")
            #expect(try device(candidate).parameters(of: "Matmul", for: "large") == tuned)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func aNewGPUIsAdvisedOnce() throws {
        let info = DeviceInfo(
            id: "opencl:0.0", kind: .gpu, name: "GPU", vendor: "V", version: "1", computeUnits: 8, memoryBytes: 1 << 30)
        let first = OpenCLDevice.firstUseAdvice(info, "GPU 1", in: CacheFolder(folder))
        #expect(first?.contains("martlet tune --device opencl:0.0") ?? false)
        #expect(OpenCLDevice.firstUseAdvice(info, "GPU 1", in: CacheFolder(folder)) == nil)
        #expect(OpenCLDevice.firstUseAdvice(info, "GPU 2", in: CacheFolder(folder)) != nil)
        // Devices that were measured for what is shipped are not.
        for candidate in Self.candidates where candidate.info.kind == .cpu {
            #expect(try device(candidate, .gpuLike).firstUseAdvice() == nil)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
