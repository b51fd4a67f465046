import MartletCore

/// Where a network looked when it found a class: the maps of an inner layer, each weighted by the mean gradient of the class's score with
/// respect to it, summed and cut off below 0. Selvaraju et al., "Grad-CAM", 2017.
public struct GradCAM {
    /// The name of the layer whose maps were weighted.
    public let layer: String
    /// The heat of each place, [n, h, w] of the layer's maps; 0 or more.
    public let heat: Tensor
    /// The network's scores, [n, classes].
    public let scores: Tensor

    /// - Parameters:
    ///   - chain: a classifier of images, used as outside training.
    ///   - images: [n, c, h, w].
    ///   - classes: of each image the class to ask for; nil for the one with the highest score.
    ///   - layer: the layer to look at; nil for the last before the head that makes maps. Nil comes out where there is none such.
    public init?(of chain: any Chain, on images: Tensor, classes: [Int32]? = nil, layer name: String? = nil) {
        guard let position = chain.mapsPosition(on: images, named: name) else { return nil }
        let (front, back) = chain.cut(before: position + 1)
        let maps = withoutGradients { front(images).evaluated() }
        var scores = Tensor(0), asked = Tensor([Int32](), shape: [0])
        let (_, gradients) = TrainingMode.set(false) {
            valueAndGradient(at: [maps]) { inputs in
                let result = back(inputs[0])
                scores = result.detached
                asked = classes.map { Tensor($0) } ?? scores.argMax()
                return result.gatheredElements(asked.reshaped([-1, 1])).sum()
            }
        }
        let weighted = (maps * gradients[0].mean([2, 3], keepingDimensions: true)).sum([1])
        layer = chain.flatLinks[position].name
        heat = weighted.maximum(Tensor(0))
        self.scores = scores
    }
}

extension Chain {
    /// Where in `flatLinks` the layer stands whose result is maps: the one of this name, or the last with parameters before the head.
    /// Nil where there is no such layer, or what comes out of it are no maps of more than one place.
    func mapsPosition(on images: Tensor, named name: String?) -> Int? {
        let links = flatLinks
        var shapes: [[Int]] = []
        withoutGradients {
            var x = images.sliced(axis: 0, 0..<1)
            for link in links {
                x = link.layer(x)
                shapes.append(x.shape)
            }
        }
        func isMaps(_ position: Int) -> Bool { shapes[position].count == 4 && shapes[position][2] * shapes[position][3] > 1 }
        if let name { return links.firstIndex { $0.name == name }.flatMap { isMaps($0) ? $0 : nil } }
        let end = head.flatMap { head in links.firstIndex { $0.name == head.name } } ?? links.count
        return links.indices[..<end].last { isMaps($0) && !links[$0].layer.parameters.isEmpty }
    }
}
