import MartletCore

/// One thing that every device must do: how inputs are made from a seed, the operation, and what it must give.
public struct ConformanceCase: Sendable {
    public let family: OpFamily
    public let name: String
    /// How many sets of inputs are tried. In all but the first, operands lie in memory in random ways.
    let draws: Int
    let body: Body

    enum Body: Sendable {
        case comparison(@Sendable (inout CaseRandom, Int) -> Comparison)
        case procedure(@Sendable (any Device, inout CaseRandom) throws -> Void)
    }

    /// A comparison with a float64 reference. `make` also gets the number of the draw.
    init(
        _ family: OpFamily, _ name: String, draws: Int = 3,
        _ make: @escaping @Sendable (inout CaseRandom, Int) -> Comparison
    ) {
        self.family = family
        self.name = name
        self.draws = draws
        body = .comparison(make)
    }

    /// Steps that throw `CaseFailure` where a device does something else than it must.
    init(
        _ family: OpFamily, procedure name: String,
        _ run: @escaping @Sendable (any Device, inout CaseRandom) throws -> Void
    ) {
        self.family = family
        self.name = name
        draws = 1
        body = .procedure(run)
    }
}

/// Inputs, an operation on tensors, and the same in naive float64 loops.
struct Comparison {
    /// Which gradients are compared.
    enum Gradients {
        case none
        /// Against central differences of the reference, at up to `samples` elements of each of these inputs.
        case differences(of: [Int], Tolerance, samples: Int = 24)
        /// Against a naive formula: from the inputs and the gradients of the outputs, those of the inputs (nil: none).
        case formula(Tolerance, ([Reference], [Reference]) -> [Reference?])
    }

    var inputs: [Operand]
    /// Options that were drawn, for the report.
    var note = ""
    var tolerance: Tolerance
    var gradients = Gradients.none
    /// Whether later draws lay the operands out in random ways.
    var variesLayout = true
    var run: ([Tensor]) throws -> [Tensor]
    var reference: ([Reference]) -> [Reference]

    init(
        _ inputs: [Operand], _ note: String = "", within tolerance: Tolerance, gradients: Gradients = .none,
        variesLayout: Bool = true,
        run: @escaping ([Tensor]) throws -> [Tensor], reference: @escaping ([Reference]) -> [Reference]
    ) {
        self.inputs = inputs
        self.note = note
        self.tolerance = tolerance
        self.gradients = gradients
        self.variesLayout = variesLayout
        self.run = run
        self.reference = reference
    }
}

/// What a device did instead.
struct CaseFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw CaseFailure(what()) }
}
