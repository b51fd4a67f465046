import MartletData
import Testing

@Suite struct CIFAR10Tests {
    private func records(_ labels: [UInt8]) -> [UInt8] {
        labels.flatMap { label in [label] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 / 1024 * 100 + Int(label)) } }
    }

    private func withFolder(inner: String = "", _ body: (String, String) throws -> Void) throws {
        try withTemporaryFolder { folder throws in
            let place = folder + inner
            for number in 1...5 { try write(records([UInt8(number), 9]), to: "\(place)/data_batch_\(number).bin") }
            try write(records([7]), to: "\(place)/test_batch.bin")
            try body(folder, place)
        }
    }

    @Test(arguments: ["", "/cifar-10-batches-bin"])
    func reads(inner: String) throws {
        try withFolder(inner: inner) { folder, _ throws in
            let splits = try DataSpec.parse(folder).load()
            #expect(splits.training.count == 10 && splits.test?.count == 1)
            #expect(splits.training.classNames[9] == "truck")
            #expect((0..<10).map { splits.training.label(at: $0) } == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
            let sample = try splits.training.sample(at: 4)
            #expect(sample.shape == [1, 3, 32, 32])
            #expect(sample.inputs[0] == 3 / 255 && sample.inputs[1024] == 103 / 255 && sample.inputs[3071] == 203 / 255)
            let held = try DataSpec.parse(folder).load(DataOptions(validation: 0.3, seed: 1))
            #expect(held.training.count == 7 && held.validation?.count == 3 && held.test?.count == 1)
        }
    }

    @Test func badFilesAreRefused() throws {
        try withFolder { folder, place throws in
            try write(Array(records([1]).dropLast()), to: place + "/data_batch_3.bin")
            var error = try dataError { _ = try CIFAR10.load(folder) }
            #expect(error?.file == place + "/data_batch_3.bin" && error?.problem.contains("3072 bytes") == true)
            try write(records([1, 10]), to: place + "/data_batch_3.bin")
            error = try dataError { _ = try CIFAR10.load(folder) }
            #expect(error?.problem == "label 10 of record 1 is outside the classes 0 to 9")
            try write([], to: place + "/data_batch_3.bin")
            #expect(try dataError { _ = try CIFAR10.load(folder) }?.kind == .damaged)
        }
    }

    @Test func thePythonVersionIsRefusedByName() throws {
        try withTemporaryFolder { folder throws in
            try write([0x80, 4], to: folder + "/cifar-10-batches-py/data_batch_1")
            let error = try dataError { _ = try DataSpec.parse(folder).load() }
            #expect(error?.kind == .unsupported && error?.remedy.contains("cifar-10-binary.tar.gz") == true)
        }
    }
}
