import MartletConformance
import Testing

/// The suite of `martlet verify` on every device of this machine.
@Suite struct ConformanceTests {
    @Test(arguments: TestDevice.all, OpFamily.allCases)
    func agreesWithFloat64(_ test: TestDevice, _ family: OpFamily) async {
        let report = await test.alone { Conformance.run(on: $0, families: [family], mostDraws: test.mostDraws) }
        for failure in report.failures { Issue.record("\(test.name): \(failure)") }
        #expect(report.passed > 0)
        #expect(report.passed + report.failed + report.skipped == family.cases.count)
    }

    @Test func namesAreDifferent() {
        let names = OpFamily.allCases.flatMap { family in family.cases.map { "\(family.rawValue)/\($0.name)" } }
        #expect(Set(names).count == names.count)
    }

    @Test func filterChoosesByName() async {
        guard let test = TestDevice.all.first else { return }
        var seen: [String] = []
        let report = await test.alone {
            Conformance.run(on: $0, filter: "update/ADAM") { name, _, count in
                seen.append(name)
                #expect(count == 1)
            }
        }
        #expect(seen == ["Update/Adam"])
        #expect(report.passed == 1)
    }
}
