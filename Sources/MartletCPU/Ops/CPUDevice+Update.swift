import CMartletCPU
import MartletCore

extension CPUDevice: UpdateOps {
    public func update(_ expression: Expression, scalars: [Float], shared: [View], tensors: [[View]]) {
        guard let width = tensors.first?.count else { return }
        let needed = expression.inputCount - shared.count
        precondition(
            needed <= width && expression.results.count <= width && expression.scalarCount <= scalars.count
                && tensors.allSatisfy { $0.count == width } && shared.allSatisfy { $0.count == 1 },
            "CPUDevice.update: \(width) views a tensor, \(shared.count) shared and \(scalars.count) scalars for an "
                + "expression of \(expression.inputCount) inputs and \(expression.scalarCount) scalars")
        // A fault of one parameter stops that parameter; a fault of what they share stops all.
        _ = begin(reading: [], writing: [])
        let sound = tensors.filter { isSound(reading: shared + $0, writing: Array($0.prefix(expression.results.count))) }
        guard !sound.isEmpty else { return }
        let program = program(for: expression)
        martlet_update(
            pool.handle, program.program, scalars, Int32(shared.count), shared.map { UnsafePointer($0.floats) },
            Int64(sound.count), sound.map { Int64($0[0].count) }, Int32(width), sound.flatMap { $0.map(\.floats) })
    }

    public func norm(of tensors: [View], into result: View) {
        guard begin(reading: tensors, writing: [result]) else { return }
        precondition(
            result.count == 1 && tensors.allSatisfy { $0.isContiguous && $0.type == .float32 },
            "CPUDevice.norm: \(tensors.map(\.shape)) into \(result.shape)")
        martlet_norm_of_tensors(
            pool.handle, Int64(tensors.count), tensors.map { Int64($0.count) }, tensors.map { UnsafePointer($0.floats) },
            result.floats)
    }
}
