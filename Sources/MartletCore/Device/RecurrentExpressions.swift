/// What one step of a recurrent layer computes at each unit. Scalar 0 is the step, which a sample's length is compared with.
package enum RecurrentSteps {
    private static func input(_ index: Int) -> Expression { .input(index) }

    /// `x` where the step lies within the length that an input holds, else `y`.
    private static func within(_ length: Int?, _ x: Expression, else y: Expression) -> Expression {
        guard let length else { return x }
        return .select(.scalar(0) .< .input(length), x, y)
    }

    /// From the sums of i, f, g, o and the cell (then the length and the hidden state): i, f, g, o, cell, hidden.
    static func lstm(masked: Bool) -> Expression { masked ? lstmMasked : lstmPlain }
    private static let lstmPlain = makeLSTM(masked: false), lstmMasked = makeLSTM(masked: true)

    private static func makeLSTM(masked: Bool) -> Expression {
        let i = input(0).sigmoid, f = input(1).sigmoid, g = input(2).hyperbolicTangent, o = input(3).sigmoid
        let cell = f * input(4) + i * g, hidden = o * cell.hyperbolicTangent
        let length = masked ? 5 : nil
        return .results([i, f, g, o, within(length, cell, else: input(4)), within(length, hidden, else: input(6))])
    }

    /// From i, f, g, o, the cell after and before, the gradients of hidden state and cell that come from later steps, that of the
    /// hidden state from above (then of the cell; then the length): the gradients of the four sums, the cell and what of the
    /// hidden state's goes on beside the product.
    static func lstmGradient(masked: Bool, cell: Bool) -> Expression { lstmGradients[(masked ? 2 : 0) + (cell ? 1 : 0)] }
    private static let lstmGradients = (0..<4).map { makeLSTMGradient(masked: $0 >= 2, hasCell: $0 % 2 == 1) }

    private static func makeLSTMGradient(masked: Bool, hasCell: Bool) -> Expression {
        let i = input(0), f = input(1), g = input(2), o = input(3), tanhCell = input(4).hyperbolicTangent
        let dHidden = input(6) + input(8)
        let dAbove = hasCell ? input(7) + input(9) : input(7)
        let dCell = dAbove + dHidden * o * (1 - tanhCell.square)
        let length = masked ? (hasCell ? 10 : 9) : nil
        return .results([
            within(length, dCell * g * (i * (1 - i)), else: 0), within(length, dCell * input(5) * (f * (1 - f)), else: 0),
            within(length, dCell * i * (1 - g.square), else: 0),
            within(length, dHidden * tanhCell * (o * (1 - o)), else: 0),
            within(length, dCell * f, else: dAbove), within(length, 0, else: dHidden),
        ])
    }

    /// From the input products of r, z, c, the recurrent ones of r and z, that of c, and the hidden state (then the bias; then the
    /// length): r, z, c, q, hidden.
    static func gru(biased: Bool, masked: Bool) -> Expression { grus[(masked ? 2 : 0) + (biased ? 1 : 0)] }
    private static let grus = (0..<4).map { makeGRU(biased: $0 % 2 == 1, masked: $0 >= 2) }

    private static func makeGRU(biased: Bool, masked: Bool) -> Expression {
        let r = (input(0) + input(3)).sigmoid, z = (input(1) + input(4)).sigmoid
        let q = biased ? input(5) + input(7) : input(5)
        let c = (input(2) + r * q).hyperbolicTangent, hidden = (1 - z) * c + z * input(6)
        return .results([r, z, c, q, within(masked ? (biased ? 8 : 7) : nil, hidden, else: input(6))])
    }

    /// From r, z, c, q, the hidden state before, its gradient from later steps and that from above (then the length): the
    /// gradients of the three sums, of q, and what of the hidden state's goes on beside the product.
    static func gruGradient(masked: Bool) -> Expression { masked ? gruGradientMasked : gruGradientPlain }
    private static let gruGradientPlain = makeGRUGradient(masked: false), gruGradientMasked = makeGRUGradient(masked: true)

    private static func makeGRUGradient(masked: Bool) -> Expression {
        let r = input(0), z = input(1), c = input(2), q = input(3), dHidden = input(5) + input(6)
        let length = masked ? 7 : nil
        let dCandidate = dHidden * (1 - z) * (1 - c.square)
        return .results([
            within(length, dCandidate * q * (r * (1 - r)), else: 0),
            within(length, dHidden * (input(4) - c) * (z * (1 - z)), else: 0), within(length, dCandidate, else: 0),
            within(length, dCandidate * r, else: 0), within(length, dHidden * z, else: dHidden),
        ])
    }
}
