import MartletCore
import MartletFigures
import MartletNN

/// What can be seen in a network of convolutions: its first filters, the maps that its layers make of an image, and where it looked.
package struct NetworkFigures {
    private let chain: any Chain
    private let pictures: SamplePictures

    package init(chain: any Chain, pictures: SamplePictures) {
        self.chain = chain
        self.pictures = pictures
    }

    /// The first layer's filters; nil where they are no pictures of one channel or three.
    package func filters(limit: Int = 96) throws -> ReportPart.Item? {
        guard let first = chain.flatLinks.first(where: { !$0.layer.parameters.isEmpty }),
            let weight = first.layer.parameters.first
        else { return nil }
        var shape = weight.shape
        if first.layer is Linear, shape[1] == pictures.shape.reduce(1, *) { shape = [shape[0]] + pictures.shape }
        guard shape.count == 4, shape[1] == 1 || shape[1] == 3, shape[2] * shape[3] >= 9 else { return nil }
        let values = try weight.value.floats(), size = shape[1] * shape[2] * shape[3], count = min(shape[0], limit)
        let cells = (0..<count).map { index in
            let filter = Array(values[index * size..<(index + 1) * size])
            let bound = max(filter.reduce(0) { max($0, abs($1)) }, 1e-20)
            return ImageGrid.Cell(
                shape[1] == 1
                    ? Raster(width: shape[3], height: shape[2], values: filter, colors: .diverging, range: -bound...bound)
                    : Raster(width: shape[3], height: shape[2], planes: filter, range: -bound...bound))
        }
        let shown = count < shape[0] ? "\(count) of \(shape[0])" : "\(count)"
        return .init(
            "filters", ImageGrid("First-layer filters", cells, columns: 16, cellWidth: 40),
            caption: "The \(shown) filters of `\(first.name)`, each scaled to its largest weight.")
    }

    /// What layers near the beginning, the middle and the end make of a sample: the strongest maps of each.
    package func featureMaps(_ sample: [Float], caption: String, perLayer limit: Int = 16) throws -> [ReportPart.Item] {
        var found: [(name: String, maps: Tensor)] = [], x = Tensor(sample, shape: [1] + pictures.shape)
        let head = chain.head?.name
        for link in chain.flatLinks.prefix(while: { $0.name != head }) {
            x = withoutGradients { link.layer(x) }
            if x.rank == 4, x.shape[2] * x.shape[3] > 1, !link.layer.parameters.isEmpty { found.append((link.name, x)) }
        }
        return try Set([0, found.count / 2, found.count - 1]).filter(found.indices.contains).sorted().map { position in
            let (name, maps) = found[position], values = try maps.floats()
            let area = maps.shape[2] * maps.shape[3]
            let strength = (0..<maps.shape[1]).map { channel in values[channel * area..<(channel + 1) * area].reduce(0, +) }
            let chosen = strength.indices.sorted { (strength[$1], $0) < (strength[$0], $1) }.prefix(limit).sorted()
            let cells = chosen.map { channel in
                ImageGrid.Cell(
                    Raster(
                        width: maps.shape[3], height: maps.shape[2], values: values[channel * area..<(channel + 1) * area],
                        colors: .viridis),
                    "\(channel)")
            }
            return .init(
                "maps-\(name)", ImageGrid("Maps of \(name)", cells, columns: 8, cellWidth: 76),
                caption:
                    "The \(cells.count) strongest of \(maps.shape[1]) maps of \(maps.shape[2]) x \(maps.shape[3]) that `\(name)` "
                    + "makes of \(caption), each scaled to itself.")
        }
    }

    /// Samples beside the places that spoke for a class.
    ///
    /// - Parameter samples: each with the class to ask for, and what is written below it.
    package func gradCAM(_ samples: [(values: [Float], label: Int, caption: String)]) throws -> ReportPart.Item? {
        var cells: [ImageGrid.Cell] = [], layer = ""
        for sample in samples {
            guard
                let cam = GradCAM(
                    of: chain, on: Tensor(sample.values, shape: [1] + pictures.shape), classes: [Int32(sample.label)])
            else { return nil }
            let heat = try cam.heat.floats()
            layer = cam.layer
            cells.append(.init(pictures.picture(sample.values), sample.caption))
            cells.append(
                .init(pictures.picture(sample.values, heat: heat, height: cam.heat.shape[1], width: cam.heat.shape[2])))
        }
        if cells.isEmpty { return nil }
        return .init(
            "gradcam", ImageGrid("Grad-CAM", cells, columns: 6, cellWidth: 104, isSmooth: true),
            caption: "Where `\(layer)` found what speaks for the class named below each image, bright where it spoke most.")
    }
}
