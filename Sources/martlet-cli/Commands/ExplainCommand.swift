import ArgumentParser
import Martlet
import MartletExplain

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Shows how a thing works: pictures, a page and figures.")

    @Argument(help: "what to explain; --list tells")
    var topic: String?

    @Argument(help: ArgumentHelp("files or text, where the topic takes them", valueName: "operand"))
    var operands: [String] = []

    @Flag(help: "list the topics")
    var list = false

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "the data, where the topic takes some")
    var data: String?

    @Option(help: ArgumentHelp("the folder to write to (default: explain/TOPIC)", valueName: "dir"))
    var out: String?

    @Option(parsing: .unconditional, help: "of all random numbers")
    var seed: UInt64 = 1

    func run() throws {
        if list { return tellTopics() }
        guard let name = topic else {
            throw TrainingError(
                .input, "what to explain? give one of \(ExplainCatalog.all.map(\.name).joined(separator: ", "))")
        }
        let topic = try ExplainCatalog.named(name)
        let choice = try options.choose()
        let request = try self.request(topic)
        try topic.check(request)
        choice.announce()
        let explanation = try withDevice(choice.device) { try topic.explain(request) }
        let files = try explanation.write(name, to: out ?? "explain/\(name)")
        if options.json {
            Console.result(
                JSON.object([
                    ("topic", .string(name)), ("files", .array(files.map(JSON.string))),
                    ("figures", .object(explanation.figures)),
                ]).text)
            return
        }
        for (name, figure) in explanation.figures { Console.result("\(name): \(figure.text)") }
        Console.result("open \(files[0])")
    }

    /// Settings of the topic go to the topic, the others to the model.
    private func request(_ topic: ExplainTopic) throws -> ExplainRequest {
        let own = Set(topic.settings.map(\.name)), all = try Settings(parsing: source.settings)
        var model: TrainedSource?, settings = all
        if source.run != nil || source.model != nil || source.weights != nil {
            settings = Settings(all.values.filter { own.contains($0.key) })
            var rest = source
            rest.settings = source.settings.filter { !own.contains(String($0.prefix { $0 != "=" })) }
            model = try rest.source()
        }
        return ExplainRequest(operands: operands, model: model, data: data, settings: settings, seed: seed)
    }

    private func tellTopics() {
        for topic in ExplainCatalog.all {
            Console.result("\(topic.name)\(topic.operands.map { " [\($0)]" } ?? ""): \(topic.summary)")
            if topic.model != .none {
                Console.result(
                    "    \(topic.model == .required ? "needs" : "takes") a model: --run DIR, or --model MODEL --weights FILE")
            }
            if topic.takesData { Console.result("    takes --data SPEC") }
            for key in topic.settings {
                Console.result("    --set \(key.name)=\(key.standard.isEmpty ? "\"\"" : key.standard)  \(key.summary)")
            }
        }
    }
}
