import Martlet
import Testing

/// A parameter that is taken up later than others is stepped as by an optimizer that begins with it.
@Suite struct LateStartTests {
    @Test(arguments: ["momentum", "nag", "adam", "adamw", "amsgrad", "nadam", "radam", "rmsprop", "adagrad", "adadelta", "sgd"])
    func equalsAnOptimizerOfItsOwn(_ name: String) throws {
        for id in TestDevices.ids {
            try withDevice(try TestDevices.named(id)) {
                let settings = Settings(name == "momentum" ? ["dampening": "0.5"] : [:])
                let description = try OptimizerCatalog.named(name)
                func parameter() -> Parameter { Parameter(Tensor([1, -2, 3, 0.5])) }
                let early = parameter(), late = parameter(), alone = parameter()
                let both = try description.build(settings, [ParameterGroup([early, late])], learningRate: 0.1)
                let single = try description.build(settings, [ParameterGroup([alone])], learningRate: 0.1)
                late.isFrozen = true
                for step in 0..<7 {
                    if step == 3 { late.isFrozen = false }
                    var gradients = Gradients()
                    let gradient = Tensor([0.3, -1, Float(step), 2]) * (step % 2 == 0 ? 1 : -0.4)
                    gradients[early] = gradient
                    if !late.isFrozen { gradients[late] = gradient }
                    both.step(gradients)
                    guard step >= 3 else { continue }
                    var own = Gradients()
                    own[alone] = gradient
                    single.step(own)
                    #expect(try late.value.floats() == alone.value.floats(), "\(name) on \(id), step \(step)")
                }
                #expect(both.stepsBefore == [0, 3])
            }
        }
    }
}
