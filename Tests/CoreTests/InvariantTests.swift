import MartletCore
import Testing

/// The checks that `MARTLET_CHECKS` switches on stop a program that breaks a device's contract.
@Suite(.enabled(if: Invariants.areChecked, "MARTLET_CHECKS is not set")) struct InvariantTests {
    @Test func aViewBeyondItsBuffer() async {
        await #expect(processExitsWith: .failure) {
            let view = View(DeviceBuffer(byteCount: 8), .float32, offset: 1, shape: [2], strides: [1])
            Invariants.check(reading: [view], writing: [])
        }
    }

    @Test func anOutputOverAnotherPartOfAnInput() async {
        await #expect(processExitsWith: .failure) {
            let buffer = DeviceBuffer(byteCount: 12)
            let input = View(buffer, .float32, offset: 0, shape: [2], strides: [1])
            let output = View(buffer, .float32, offset: 0, shape: [2], strides: [2])
            Invariants.check(reading: [input], writing: [output])
        }
    }

    @Test func inPlaceIsAllowed() {
        let view = View(DeviceBuffer(byteCount: 8), .float32, offset: 0, shape: [2], strides: [1])
        Invariants.check(reading: [view], writing: [view])
    }
}
