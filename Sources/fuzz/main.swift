// fuzz [--seconds N] [--seed N] [READER...]: feeds damaged files to readers, N seconds each, and counts what they survive. An input that
// kills or stalls a reader, or makes it throw anything but a DataError, is left in a file that is named.
import Foundation
import MartletData

var seconds = 10.0
var seed: UInt64 = 1
var names: [String] = []
var arguments = CommandLine.arguments.dropFirst()

func leave(_ text: String, _ status: Int32 = 64) -> Never {
    FileHandle.standardError.write(Data("fuzz: \(text)\n".utf8))
    exit(status)
}

while let argument = arguments.popFirst() {
    switch argument {
    case "--seconds":
        guard let value = arguments.popFirst().flatMap({ Double($0) }), value > 0 else {
            leave("--seconds: give a number above 0")
        }
        seconds = value
    case "--seed":
        guard let value = arguments.popFirst().flatMap({ UInt64($0) }) else { leave("--seed: give a whole number") }
        seed = value
    default: names.append(argument)
    }
}
for name in names where !FuzzReader.all.contains(where: { $0.name == name }) {
    leave("there is no reader \(name); there are \(FuzzReader.all.map(\.name).joined(separator: ", "))")
}

/// Memory in use at most, in MiB.
func peakMemory() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss >> 10
}

let folder = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
/// A reader that takes longer for one input is stopped by the alarm.
let patience: UInt32 = 30

for reader in FuzzReader.all where names.isEmpty || names.contains(reader.name) {
    let seeds = try reader.seeds()
    guard !seeds.isEmpty else { leave("\(reader.name): has no inputs to start from", 1) }
    let path = "\(folder)/martlet-fuzz-\(reader.name)-\(getpid())"
    // Whatever kills the process, this line says where its input is.
    FileHandle.standardError.write(Data("\(reader.name): inputs are in \(path) while they are read\n".utf8))
    let started = Date()
    var (count, accepted, slowest) = (0, 0, 0.0)
    var kinds: [String: Int] = [:]
    while Date().timeIntervalSince(started) < seconds {
        var mutator = Mutator(seed: seed &* 0x1000_0000_0000 &+ UInt64(count))
        // The seeds themselves come first.
        let input = count < seeds.count ? seeds[count] : mutator.input(from: seeds)
        try Data(reader.file(input)).write(to: URL(fileURLWithPath: path))
        let begun = Date()
        alarm(patience)
        do {
            try reader.read(path)
            accepted += 1
        } catch let error as DataError {
            kinds["\(error.kind)", default: 0] += 1
            if error.description.contains(where: \.isNewline) {
                leave("\(reader.name): a refusal of several lines; see \(path)", 1)
            }
        } catch {
            leave("\(reader.name): threw \(error); see \(path)", 1)
        }
        alarm(0)
        slowest = max(slowest, Date().timeIntervalSince(begun))
        count += 1
    }
    try? FileManager.default.removeItem(atPath: path)
    let refused = kinds.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    let line =
        "\(reader.name): \(count) inputs survived in \(Int(seconds)) s from \(seeds.count) files; \(accepted) read, "
        + "\(count - accepted) refused (\(refused)); slowest \(Int(slowest * 1000)) ms, \(peakMemory()) MiB at most\n"
    // At once, whatever becomes of the next reader.
    try FileHandle.standardOutput.write(contentsOf: Data(line.utf8))
}
