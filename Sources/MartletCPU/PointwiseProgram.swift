import CMartletCPU
import MartletCore
import Synchronization

/// An expression compiled to the flat program that `martlet_evaluate` interprets.
///
/// Slots are numbered inputs, scalars, constants, registers. Each result has a step and a register of its own, because that
/// register may be the output's memory; the other registers are used again as soon as their value is dead.
final class PointwiseProgram: @unchecked Sendable {
    let program: UnsafePointer<martlet_program>
    private let storage: UnsafeMutablePointer<martlet_program>
    private let steps: UnsafeMutablePointer<martlet_step>
    private let constants: UnsafeMutablePointer<Float>
    private let resultSteps: UnsafeMutablePointer<Int32>
    private let lastReads: UnsafeMutablePointer<Int32>

    init(_ expression: Expression) {
        let compiled = PointwiseCompiler(expression)
        precondition(
            compiled.registers + compiled.inputs < Int(martlet_maximum_buffers),
            "CPUDevice.pointwise: an expression of \(expression.operations.count) operations over "
                + "\(compiled.inputs) inputs; split it")
        func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
            pointer.initialize(from: values, count: values.count)
            return pointer
        }
        steps = copy(compiled.steps)
        constants = copy(compiled.constants)
        resultSteps = copy(compiled.resultSteps)
        lastReads = copy(compiled.lastReads)
        storage = .allocate(capacity: 1)
        storage.initialize(
            to: martlet_program(
                inputs: Int32(compiled.inputs), scalars: Int32(compiled.scalars), constants: Int32(compiled.constants.count),
                registers: Int32(compiled.registers), steps: Int32(compiled.steps.count),
                results: Int32(compiled.resultSteps.count), step: steps, constant: constants, result_step: resultSteps,
                last_read: lastReads))
        program = UnsafePointer(storage)
    }

    deinit {
        steps.deallocate()
        constants.deallocate()
        resultSteps.deallocate()
        lastReads.deallocate()
        storage.deallocate()
    }
}

/// The device's compiled expressions. An entry is some hundred bytes, and a program has few expressions.
final class ProgramCache: Sendable {
    private let programs = Mutex<[Expression: PointwiseProgram]>([:])

    /// The program for an expression; `build` is called when it had to be compiled.
    func program(for expression: Expression, build: () -> Void) -> PointwiseProgram {
        if let known = programs.withLock({ $0[expression] }) { return known }
        let made = PointwiseProgram(expression)
        build()
        programs.withLock { $0[expression] = made }
        return made
    }
}
