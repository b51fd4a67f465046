import MartletCore
import Testing

@Suite struct ExpressionTests {
    private static let x = Expression.input(0), y = Expression.input(1)

    @Test func structureDecidesEquality() {
        #expect(Self.x * .scalar(0) + 1 == Self.x * .scalar(0) + 1)
        #expect(Self.x * .scalar(0) != Self.x * .scalar(1))
        #expect(Self.x + 1 != Self.x + 2)
        #expect(Set([Self.x + Self.y, Self.x + Self.y, Self.y + Self.x]).count == 2)
    }

    @Test func equalStepsAppearOnce() {
        let repeated = Self.x.exponential + Self.x.exponential * Self.x.exponential
        #expect(repeated.operations.count == 4)
    }

    @Test func countsSayWhatIsUsed() {
        let expression = Expression.results([.input(2) * .scalar(1), .constant(3)])
        #expect(expression.inputCount == 3 && expression.scalarCount == 2 && expression.results.count == 2)
        #expect(expression.inputsRead == [false, false, true])
        #expect(Self.x.isIdentity && !Self.y.isIdentity && !(Self.x + 0).isIdentity)
    }

    @Test func greaterIsLessTurnedRound() {
        #expect((Self.x .> Self.y) == (Self.y .< Self.x))
        #expect((Self.x .>= Self.y) == (Self.y .<= Self.x))
    }

    /// Unneeded steps go, and the rest keep their order.
    @Test func finishingDropsWhatNothingNeeds() {
        var builder = ExpressionBuilder()
        let a = builder.add(.input(0)), b = builder.add(.input(1))
        _ = builder.add(.unary(.exponential, b))
        let square = builder.add(.unary(.square, a))
        let expression = builder.finish([square])
        #expect(expression.operations == [.input(0), .unary(.square, 0)])
        #expect(expression.results == [1])
    }

    @Test func splicingMovesScalarsAndInputs() {
        var builder = ExpressionBuilder()
        let input = builder.add(.input(3))
        let results = builder.splice(Self.x * .scalar(0) - .scalar(1), inputs: [input], firstScalar: 5)
        let expression = builder.finish(results)
        #expect(expression.scalarCount == 7)
        #expect(expression.operations.contains(.scalar(5)) && expression.operations.contains(.scalar(6)))
        #expect(expression.operations.contains(.input(3)))
    }

    @Test func derivativesOfWhatHasNoneAreNil() {
        #expect((Self.x .< Self.y).derivatives.allSatisfy { $0 == nil })
        #expect(Expression.unary(.floor, Self.x).derivatives[0] == nil)
        let derivatives = Expression.select(.input(0), .input(1), .input(2)).derivatives
        #expect(derivatives[0] == nil && derivatives[1] != nil && derivatives[2] != nil)
    }

    @Test func derivativeOfASumIsTheGradientItself() {
        let derivatives = (Self.x + Self.y).derivatives
        #expect(derivatives.count == 2)
        for derivative in derivatives { #expect(derivative?.inputsRead == [false, false, true]) }
    }

    /// Numbers and scalars need no derivative of their own, so none is computed.
    @Test func powersOfNumbersTakeNoLogarithm() {
        let derivative = Self.x.power(.scalar(0)).derivatives[0]
        #expect(derivative?.operations.contains { if case .unary(.logarithm, _) = $0 { true } else { false } } == false)
    }
}
