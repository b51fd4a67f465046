import Foundation
import MartletData

/// The folder of real data sets: `MARTLET_DATA`, or `shared/data` beside the checkout. Nil where there is none.
let realData: String? = {
    if let given = ProcessInfo.processInfo.environment["MARTLET_DATA"] { return given }
    var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    while folder.path != "/" {
        folder.deleteLastPathComponent()
        let candidate = folder.appending(path: "shared/data").path
        if FileManager.default.fileExists(atPath: candidate) { return candidate }
    }
    return nil
}()

/// A part of the real data, such as `mnist`; nil, with a printed reason, where it is absent.
func real(_ part: String) -> String? {
    guard let folder = realData, FileManager.default.fileExists(atPath: folder + "/" + part) else {
        print("skipped: no data set \(part) (set MARTLET_DATA to the folder that holds it)")
        return nil
    }
    return folder + "/" + part
}

/// Runs the body with an empty folder of its own, removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Writes a file, with the folders above it.
func write(_ bytes: [UInt8], to path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
}

/// The error the body throws; nil where it throws none.
func dataError(_ body: () throws -> Void) throws -> DataError? {
    do {
        try body()
        return nil
    } catch let error as DataError {
        return error
    }
}

/// An image-like data set whose sample i holds the value i everywhere, failing at chosen samples.
struct CountingDataset: Dataset {
    var count: Int
    var failsAt: Set<Int> = []
    var name: String { "counting" }
    var sampleShape: [Int] { [1, 2, 3] }
    var classNames: [String] { ["even", "odd"] }
    func label(at index: Int) -> Int32 { Int32(index % 2) }

    func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        if failsAt.contains(index) {
            throw DataError(.damaged, file: "sample-\(index)", problem: "is bad", remedy: "repair it")
        }
        buffer.update(repeating: Float(index))
    }
}

/// A golden file, written by `Tests/Golden/data.py`.
func golden(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/data/\(name)").path
}

/// A golden JSON file.
func golden<Value: Decodable>(_ name: String, as _: Value.Type) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: golden(name))))
}

/// Every way to damage a file that the tests try: cut at many places, and single bytes changed at many places.
func damaged(_ bytes: [UInt8], cuts: Int = 200, flips: Int = 400, seed: UInt64 = 1) -> [[UInt8]] {
    var random = SampleRandom(seed: seed)
    var results = (0..<cuts).map { Array(bytes.prefix($0 * bytes.count / cuts)) }
    for flip in 0..<flips {
        var changed = bytes
        // Headers, where the structure is, get half of the changes.
        let reach = flip % 2 == 0 ? min(bytes.count, 256) : bytes.count
        changed[random.integer(below: reach)] = UInt8(truncatingIfNeeded: random.next())
        results.append(changed)
    }
    return results
}
