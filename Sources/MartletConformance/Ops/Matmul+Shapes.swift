import MartletCore

/// Shapes that devices treat in ways of their own: few rows or columns over long sums, strides at which rows fall together in a
/// cache, sums in several blocks, and a matrix that is repeated for a batch; each with and without work after the product.
enum MatmulShapeCases {
    static let all = [false, true].flatMap { left in
        [false, true].map { right in
            ConformanceCase(
                .matmul, "\(left ? "T" : "N")\(right ? "T" : "N") skinny and blocked", draws: extents.count * 3
            ) { random, draw in
                let (batch, m, k, n) = extents[draw / 3]
                let after = [After.nothing, .accumulation, .activation][draw % 3]
                // The left matrix is repeated in every other shape, else the right one.
                let repeatsLeft = batch > 1 && draw / 3 % 2 == 0, repeatsRight = batch > 1 && !repeatsLeft
                let leftBatch = repeatsLeft ? 1 : batch, rightBatch = repeatsRight ? 1 : batch
                let operands = [
                    random.floats(left ? [leftBatch, k, m] : [leftBatch, m, k]),
                    random.floats(right ? [rightBatch, n, k] : [rightBatch, k, n]),
                    random.floats([batch, m, n]),
                ]
                return Comparison(
                    operands, "batch, m, k, n = \(batch), \(m), \(k), \(n), \(after)", within: .balanced, variesLayout: false
                ) { tensors in
                    let device = tensors[0].resolvedDevice()
                    let a = left ? tensors[0].transposed() : tensors[0], b = right ? tensors[1].transposed() : tensors[1]
                    let result = Tensor(empty: [batch, m, n], on: device)
                    result.write(tensors[2], on: device)
                    device.matmul(
                        a.broadcastView(to: [batch, m, k]).view(on: device), b.broadcastView(to: [batch, k, n]).view(on: device),
                        into: result.view(on: device),
                        epilogue: after.expression.map { Epilogue($0, operands: [result.view(on: device)]) })
                    return [result]
                } reference: { inputs in
                    let product = (left ? inputs[0].transposed : inputs[0])
                        .multiplied(by: right ? inputs[1].transposed : inputs[1])
                    guard let expression = after.expression else { return [product] }
                    return [Reference.combine([product, inputs[2]]) { expression.reference($0, scalars: [])[0] }]
                }
            }
        }
    }

    /// What follows the product.
    private enum After {
        case nothing, accumulation, activation

        var expression: Expression? {
            switch self {
            case .nothing: nil
            case .accumulation: .input(0) + .input(1)
            case .activation: (.input(0) + .input(1)).relu
            }
        }
    }

    private static let extents: [(batch: Int, m: Int, k: Int, n: Int)] = [
        (1, 1, 1100, 70), (1, 70, 1100, 1), (1, 8, 530, 520), (1, 16, 1024, 43), (1, 43, 1024, 20), (1, 90, 1024, 70),
        (1, 6, 5000, 9), (2, 40, 700, 47), (3, 23, 64, 130),
    ]
}
