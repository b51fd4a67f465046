import ArgumentParser
import Foundation
import Martlet

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Looks after data sets.", subcommands: [DataCheckCommand.self])
}

struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads a data set as training would and tells all that is wrong with it.",
        discussion: "The exit status is 64 where training would refuse the data, else 0.")

    @Argument(help: ArgumentHelp("the data, as --data of train takes it", valueName: "spec"))
    var data: String

    @Flag(help: "counts bad photos as training does with --strict")
    var strict = false

    @Flag(help: "results as JSON on standard output")
    var json = false

    @Option(name: .customLong("set"), help: "a setting of the data, key=value, as train has it")
    var settings: [String] = []

    func run() throws {
        let settings = try Settings(parsing: settings + (strict ? ["strict=true"] : []))
        let result = try DataRecipe.check(data, settings) { done, total in
            if done % 64 == 0 { Console.bar(done, of: total, "photos") }
        }
        Console.clearBar()
        json ? tellJSON(result) : tell(result)
        if result.isRefused { Foundation.exit(64) }
    }

    private func tell(_ result: DataCheck) {
        for problem in result.problems { Console.result("\(problem)") }
        let problems = result.problems.count
        Console.result(
            "\(result.samples) samples, \(result.classNames.count) classes, \(problems) \(problems == 1 ? "problem" : "problems")"
                + (result.isRefused ? "; training would refuse the data" : ""))
    }

    private func tellJSON(_ result: DataCheck) {
        let problems = result.problems.map { problem -> JSON in
            [
                "file": problem.file.map { .string($0) } ?? .null, "line": problem.line.map { .integer($0) } ?? .null,
                "problem": .string(problem.problem), "remedy": .string(problem.remedy),
            ]
        }
        Console.result(
            JSON.object([
                ("samples", .integer(result.samples)), ("classes", .integer(result.classNames.count)),
                ("problems", .array(problems)),
            ]).text)
    }
}
