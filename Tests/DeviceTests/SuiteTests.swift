import MartletCore
import MartletCPU
import MartletConformance
import Testing

/// The suite must notice a device that is wrong.
@Suite struct SuiteTests {
    private static let tolerances: [Tolerance] = [.exact, .strict, .balanced, .permissive, .elementwise(1e-6)]

    @Test(arguments: tolerances) func toleranceNoticesWhatIsWrong(_ tolerance: Tolerance) {
        let expected: [Double] = [1, -2, .nan, .infinity, 0]
        #expect(tolerance.mismatch([1, -2, .nan, .infinity, 0], expected, shape: [5]) == nil)
        #expect(tolerance.mismatch([1, -2.001, .nan, .infinity, 0], expected, shape: [5]) != nil)
        #expect(tolerance.mismatch([1, -2, 0, .infinity, 0], expected, shape: [5]) != nil)
        #expect(tolerance.mismatch([1, .nan, .nan, .infinity, 0], expected, shape: [5]) != nil)
        #expect(tolerance.mismatch([1, -2, .nan, -.infinity, 0], expected, shape: [5]) != nil)
        #expect(tolerance.mismatch([1, -2, .nan, 3e38, 0], expected, shape: [5]) != nil)
        #expect(tolerance.mismatch([1, -2, .nan, .infinity], expected, shape: [5]) != nil)
    }

    @Test func toleranceIsRelativeToTheLargest() {
        #expect(Tolerance.balanced.mismatch([1000, 0.009], [1000, 0], shape: [2]) == nil)
        #expect(Tolerance.balanced.mismatch([1000, 0.011], [1000, 0], shape: [2]) != nil)
        #expect(Tolerance.balanced.floor(1).mismatch([1e-6], [0], shape: [1]) == nil)
        #expect(Tolerance.elementwise(1e-5).mismatch([1000, 0.009], [1000, 0], shape: [2]) != nil)
    }

    /// Values beyond float32's range are infinities there.
    @Test func referencesAreRoundedToFloat32() {
        #expect(Tolerance.strict.mismatch([.infinity], [1e39], shape: [1]) == nil)
        #expect(Tolerance.strict.mismatch([0], [1e-44], shape: [1]) == nil)
    }

    /// One wrong element in each result of a family: almost every case of the family tells.
    @Test(arguments: OpFamily.allCases) func noticesAWrongDevice(_ family: OpFamily) throws {
        let device = CorruptingDevice(try CPUDevice(threads: 1), family: family)
        let report = Conformance.run(on: device, families: [family], mostDraws: 2)
        let silent = family.cases.map(\.name).filter { name in !report.failures.contains { $0.name == name } }
        // Those whose last element is NaN, or that look at counts only.
        #expect(silent.count * 4 <= family.cases.count, "not noticed by \(silent)")
    }

    /// The vectors published with Philox (Salmon et al., 2011).
    @Test func philoxGivesThePublishedNumbers() {
        let all = UInt32.max
        #expect(RandomReference.philox([0, 0, 0, 0], key: [0, 0]) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        #expect(
            RandomReference.philox([all, all, all, all], key: [all, all]) == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
        #expect(
            RandomReference.philox([0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], key: [0xA409_3822, 0x299F_31D0])
                == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
    }
}
