import MartletCore

/// Parameters that are trained alike.
public struct ParameterGroup {
    public var parameters: [Parameter]
    /// The group's learning rate as a share of the optimizer's.
    public var learningRateScale: Float
    /// Overrides the optimizer's weight decay.
    public var weightDecay: Float?

    public init(_ parameters: [Parameter], learningRateScale: Float = 1, weightDecay: Float? = nil) {
        self.parameters = parameters
        self.learningRateScale = learningRateScale
        self.weightDecay = weightDecay
    }
}

/// How gradients are kept in bounds before a step.
public enum GradientClipping: Sendable, Hashable {
    /// All gradients together are scaled down to this norm. Pascanu et al., 2013.
    case norm(Float)
    /// Each value is brought within plus and minus this.
    case value(Float)
}

/// What distinguishes one optimizer from another: an expression over a parameter, its state and its gradient.
public protocol UpdateRule: AnyObject {
    /// The number of state tensors a parameter.
    var stateCount: Int { get }
    /// The value that a state tensor begins with.
    func initialState(_ index: Int) -> Float
    /// The new parameter and the new state, from the parameter (input 0), its state (1...) and its gradient (last).
    var expression: Expression { get }
    /// The expression's scalars at a step, counted from 1.
    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float]
}

extension UpdateRule {
    public func initialState(_ index: Int) -> Float { 0 }
}

/// Changes parameters by their gradients: all parameters in few launches.
open class Optimizer {
    public var learningRate: Float
    public var weightDecay: Float
    public var clipping: GradientClipping?
    public let groups: [ParameterGroup]
    /// The number of steps taken.
    public private(set) var steps = 0
    /// 1 until a guarding loss was not finite, then 0; nil before the first guarded step.
    public private(set) var guardFlag: Tensor?
    private let rule: any UpdateRule
    private var state: [ObjectIdentifier: [Tensor]] = [:]
    /// The steps that had been taken before a parameter's first.
    private var begun: [ObjectIdentifier: Int] = [:]
    private var combined: [Bool: Expression] = [:]

    public init(
        _ groups: [ParameterGroup], learningRate: Float, weightDecay: Float, clipping: GradientClipping?, rule: any UpdateRule
    ) {
        self.groups = groups
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.clipping = clipping
        self.rule = rule
    }

    /// Takes a step. Parameters without a gradient stay as they are. One that has its first gradient later than others (because it was
    /// frozen) begins then: its steps are counted from there.
    ///
    /// - Parameter guardedBy: a loss; from the first step at which it is not finite on, nothing is changed any more, without the host
    ///   having to wait for its value. `guardFlag` tells.
    public func step(_ gradients: Gradients, guardedBy loss: Tensor? = nil) {
        steps += 1
        if let loss {
            let device = loss.resolvedDevice()
            let flag = guardFlag ?? Tensor(1)
            let finite = Expression.input(0) * .unary(.isFinite, .input(1))
            guardFlag = withDevice(device) { Tensor.pointwise(finite, [flag, loss.detached.reshaped([])]).evaluated() }
        }
        let shared = sharedTensors(gradients)
        for (group, before, members) in launches(gradients) {
            let scalars =
                clipScalars
                + rule.scalars(
                    step: steps - before, learningRate: learningRate * group.learningRateScale,
                    weightDecay: group.weightDecay ?? weightDecay)
            var tensors = members.map { parameter in
                let key = ObjectIdentifier(parameter)
                let kept =
                    state[key] ?? (0..<rule.stateCount).map { Tensor(repeating: rule.initialState($0), shape: parameter.shape) }
                state[key] = nil
                return [parameter.take()] + kept + [gradients[parameter]!]
            }
            let device = tensors[0][0].resolvedDevice()
            withDevice(device) {
                Tensor.update(wholeExpression(guarded: guardFlag != nil), scalars: scalars, shared: shared, groups: &tensors)
            }
            for (parameter, values) in zip(members, tensors) {
                parameter.value = values[0]
                state[ObjectIdentifier(parameter)] = Array(values[1..<1 + rule.stateCount])
            }
        }
    }

    /// The parameters that are changed together, with the number of steps taken before their first.
    private func launches(_ gradients: Gradients) -> [(group: ParameterGroup, before: Int, members: [Parameter])] {
        groups.flatMap { group in
            let members = group.parameters.filter { !$0.isFrozen && gradients[$0] != nil }
            for parameter in members where begun[ObjectIdentifier(parameter)] == nil {
                begun[ObjectIdentifier(parameter)] = steps - 1
            }
            return Dictionary(grouping: members) { begun[ObjectIdentifier($0)]! }.sorted { $0.key < $1.key }.map {
                (group, $0.key, $0.value)
            }
        }
    }

    /// Lets go of a guard that has stopped the updates.
    public func resetGuard() { guardFlag = nil }

    // MARK: State for checkpoints

    /// The state tensors of each parameter that has any, in the groups' order; nil for one that had no step.
    public var stateTensors: [[Tensor]?] { groups.flatMap(\.parameters).map { state[ObjectIdentifier($0)] } }

    /// Of each parameter, in the groups' order, the number of steps taken before its first; nil for one that had none.
    public var stepsBefore: [Int?] { groups.flatMap(\.parameters).map { begun[ObjectIdentifier($0)] } }

    /// The number of state tensors a parameter has.
    public var stateCount: Int { rule.stateCount }

    /// Goes on from a checkpoint.
    ///
    /// - Parameter stepsBefore: as the property tells; nil where all parameters began with the first step.
    public func restore(steps: Int, state tensors: [[Tensor]?], stepsBefore: [Int?]? = nil) {
        let parameters = groups.flatMap(\.parameters)
        precondition(
            tensors.count == parameters.count && (stepsBefore?.count ?? tensors.count) == tensors.count,
            "Optimizer.restore: \(tensors.count) states for \(parameters.count) parameters")
        self.steps = steps
        begun = [:]
        for (parameter, before) in zip(parameters, stepsBefore ?? tensors.map { $0.map { _ in 0 } }) {
            begun[ObjectIdentifier(parameter)] = before
        }
        for (parameter, tensors) in zip(parameters, tensors) {
            precondition(
                tensors == nil || tensors!.allSatisfy { $0.shape == parameter.shape } && tensors!.count == rule.stateCount,
                "Optimizer.restore: state of another shape")
            state[ObjectIdentifier(parameter)] = tensors
        }
    }

    // MARK: Clipping and the guard

    private var clipScalars: [Float] {
        if case .value(let bound) = clipping { [bound] } else { [] }
    }

    private func sharedTensors(_ gradients: Gradients) -> [Tensor] {
        var shared: [Tensor] = []
        if let guardFlag { shared.append(guardFlag.reshaped([1])) }
        if case .norm(let bound) = clipping {
            let all = groups.flatMap(\.parameters).compactMap { $0.isFrozen ? nil : gradients[$0] }
            if !all.isEmpty { shared.append(clipFactor(all, bound).reshaped([1])) }
        }
        return shared
    }

    /// The rule's expression with the gradient clipped before it and its results held back by the guard.
    private func wholeExpression(guarded: Bool) -> Expression {
        if let known = combined[guarded] { return known }
        var byNorm = false, byValue = false
        switch clipping {
        case .norm: byNorm = true
        case .value: byValue = true
        case nil: break
        }
        let sharedCount = (guarded ? 1 : 0) + (byNorm ? 1 : 0)
        let last = sharedCount + rule.stateCount + 1
        var builder = ExpressionBuilder(inputCount: last + 1)
        var inputs = (sharedCount..<last).map { builder.add(.input($0)) }
        var gradient = builder.add(.input(last))
        if byNorm { gradient = builder.add(.binary(.multiply, gradient, builder.add(.input(sharedCount - 1)))) }
        if byValue {
            let bound = builder.add(.scalar(0))
            gradient = builder.add(.binary(.minimum, gradient, bound))
            gradient = builder.add(.binary(.maximum, gradient, builder.add(.unary(.negate, bound))))
        }
        inputs.append(gradient)
        var results = builder.splice(rule.expression, inputs: inputs, firstScalar: byValue ? 1 : 0)
        if guarded {
            let flag = builder.add(.input(0))
            results = results.enumerated().map { builder.add(.select(flag, $0.element, inputs[$0.offset])) }
        }
        let whole = builder.finish(results)
        combined[guarded] = whole
        return whole
    }
}

/// The factor, at most 1, that brings tensors together to a norm: bound / (norm + 1e-6), as PyTorch has it.
private func clipFactor(_ tensors: [Tensor], _ bound: Float) -> Tensor {
    let factor = (Expression.scalar(0) / (.input(0) + 1e-6)).minimum(1)
    return Tensor.pointwise(factor, scalars: [bound], [Tensor.norm(of: tensors)])
}

/// The norm of all gradients taken together.
public func gradientNorm(_ gradients: Gradients, of parameters: [Parameter]) -> Tensor {
    Tensor.norm(of: parameters.compactMap { gradients[$0] })
}
