import Foundation
import Testing

/// Runs' `config.yaml`, damaged in every field, and files of options.
struct ConfigurationTests {
    private static let values = [
        "abc", "-1", ".nan", "9223372036854775807", "''", "[]", "{a: 1}", "[9223372036854775807, 2]", "[1048576]",
    ]

    /// The text with one field given another value, or left out.
    private func damaged(_ text: String, _ field: String, _ value: String?) -> String {
        var isWithin = false
        var lines: [String] = []
        for line in text.split(separator: "\n").map(String.init) {
            if line.hasPrefix(field + ":") {
                isWithin = true
                if let value { lines.append("\(field): \(value)") }
            } else if isWithin, line.hasPrefix(" ") || line.hasPrefix("-") {
                continue
            } else {
                isWithin = false
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test func aDamagedFieldIsRefusedOrHarmless() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        try scratch.copy("run", to: "kept")
        let text = try scratch.text("run/config.yaml"), checkpoint = try scratch.read("run/last.safetensors")
        let fields = text.split(separator: "\n").filter { !$0.hasPrefix(" ") && !$0.hasPrefix("-") }.compactMap {
            $0.split(separator: ":").first.map(String.init)
        }
        #expect(fields.count > 15)
        for (index, field) in fields.enumerated() {
            // The two commands by turns.
            for (number, value) in ([nil] + Self.values.map { $0 as String? }).enumerated() {
                try scratch.copy("kept", to: "run")
                try scratch.write(damaged(text, field, value), to: "run/config.yaml")
                let command = (index + number) % 2 == 0 ? ["evaluate", "--run", "run"] : ["train", "--resume", "run"]
                let result = try Program.run(command + ["--device", "cpu"], in: scratch.path)
                let what = "\(command[0]) with \(field): \(value ?? "missing")"
                #expect(!result.wasKilled && [0, 64].contains(result.status), "\(what): \(result.status) \(result.errors)")
                if result.status == 64 {
                    #expect(result.errorLines.count == 1, "\(what): \(result.errors)")
                    let isNamed = result.errors.contains("config.yaml") || result.errors.contains("safetensors")
                    #expect(isNamed || ["data", "input_shape", "classes"].contains(field), "\(what): \(result.errors)")
                    #expect(try scratch.read("run/last.safetensors") == checkpoint, "\(what)")
                }
            }
        }
        for whole in ["", "[", "model", "- 1", "\u{0}\u{1}", "model: [\n", String(text.prefix(40))] {
            try scratch.write(whole, to: "run/config.yaml")
            expectRefusal(
                try Program.run(["evaluate", "--run", "run", "--device", "cpu"], in: scratch.path), ["run/config.yaml"], whole)
        }
        try scratch.write(text, to: "run/config.yaml")
        #expect(try Program.run(["evaluate", "--run", "run", "--device", "cpu"], in: scratch.path).status == 0)
    }

    @Test func filesOfOptions() throws {
        let scratch = Scratch()
        let cases: [(String, [String])] = [
            ("nosuch: 1", ["nosuch", "batch_size"]), ("epochs: abc", ["epochs: abc", "whole number"]),
            ("learning_rate: fast", ["learning_rate: fast", "a number"]), ("batch_size: [1]", ["batch_size", "single value"]),
            ("shuffle: 3", ["shuffle: 3", "true or false"]), ("set: 3", ["'set'", "map"]),
            ("set: {nosuch: 1}", ["options.yaml", "nosuch"]), ("[1, 2]", ["YAML map"]), ("a: [", ["YAML map"]),
            ("seed: -1", ["seed: -1", "whole number"]), ("device: nonsense", ["nonsense", "opencl"]),
            ("threads: 0", ["threads", "1 to 1024"]), ("model: nosuch", ["nosuch", "lenet"]),
        ]
        for (text, words) in cases {
            try scratch.write(text, to: "options.yaml")
            let model = text.hasPrefix("model") ? [] : ["mlp"]
            expectRefusal(try Program.run(["train"] + model + ["--config", "options.yaml"], in: scratch.path), words, text)
        }
        try scratch.write(
            "model: mlp\ndevice: cpu\nsteps: 7\nbatch_size: 32\nset: {hidden: 8}\nlog_every: 3\n", to: "options.yaml")
        let first = try Program.run(["train", "--config", "options.yaml", "--out", "a", "--json"], in: scratch.path)
        #expect(try first.objects().dropLast().map { $0["step"] as? Int } == [3, 6, 7], "\(first.errors)")
        // The command line wins, over the other way of giving the length too.
        let second = try Program.run(
            ["train", "--config", "a/config.yaml", "--epochs", "1", "--out", "b", "--json"], in: scratch.path)
        #expect(try second.objects().dropLast().map { $0["step"] as? Int } == [45], "\(second.errors)")
    }
}
