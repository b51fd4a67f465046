import MartletCore
import MartletModels
import MartletNN

/// The convolutional networks for photos.
extension ModelCatalog {
    static let photoModels = [alexnet] + vggs + [resnet(.eighteen), resnet(.fifty)] + squeezeNets

    static let alexnet = photoModel(
        "alexnet", "AlexNet, five convolutions and three dense layers", smallest: 63, parameters: 57_000_000, perClass: 4097,
        settings: [dropout("0.5")], learningRate: 1e-2
    ) { settings, shape in
        AlexNet(outputs: shape.classes, channels: shape.input[0], dropout: try chance(settings))
    }

    static let vggs = [VGG.Depth.eleven, .sixteen].flatMap { depth in
        [false, true].map { batchNorm in
            photoModel(
                "vgg\(depth.rawValue)" + (batchNorm ? "_bn" : ""),
                "VGG with \(depth.rawValue) layers" + (batchNorm ? " and batch normalisation" : ""), smallest: 32,
                parameters: 134_300_000, perClass: 4097, settings: [dropout("0.5")], learningRate: 1e-2
            ) { settings, shape in
                VGG(
                    depth, batchNorm: batchNorm, outputs: shape.classes, channels: shape.input[0], dropout: try chance(settings))
            }
        }
    }

    static func resnet(_ depth: ResNet.Depth) -> ModelDescription {
        photoModel(
            "resnet\(depth.rawValue)", "residual network with \(depth.rawValue) layers", smallest: 1, parameters: 24_000_000,
            perClass: 2049, settings: [], learningRate: 5e-2
        ) { _, shape in
            ResNet(depth, outputs: shape.classes, channels: shape.input[0])
        }
    }

    static let squeezeNets = [("squeezenet", SqueezeNet.Version.one), ("squeezenet1_1", .onePointOne)].map { name, version in
        photoModel(
            name, "SqueezeNet \(version.rawValue)", smallest: 21, parameters: 740_000, perClass: 513,
            settings: [dropout("0.5")], learningRate: 1e-2
        ) { settings, shape in
            SqueezeNet(version, outputs: shape.classes, channels: shape.input[0], dropout: try chance(settings))
        }
    }

    /// - Parameters:
    ///   - smallest: least height and width of an image.
    ///   - parameters: at most, without those of the last layer; `perClass`: those.
    private static func photoModel(
        _ name: String, _ summary: String, smallest: Int, parameters: Int, perClass: Int, settings: [Settings.Key],
        learningRate: Double, _ make: @escaping @Sendable (Settings, ModelShape) throws -> any Layer
    ) -> ModelDescription {
        ModelDescription(
            name: name, summary: summary,
            needs: "images" + (smallest > 1 ? " of at least \(smallest) x \(smallest)" : "")
                + "; photos and embedded digits are brought to 224 x 224 (--set image_size=N for others), "
                + "photos in ImageNet's normalisation",
            imageSize: 224, settings: settings + [ModelDescription.convolution],
            defaults: .init(epochs: 30, batchSize: 32, optimizer: "momentum", learningRate: learningRate, schedule: "cosine")
        ) { settings, shape in
            guard shape.input.count == 3, shape.input[1] >= smallest, shape.input[2] >= smallest else {
                throw TrainingError(
                    .input,
                    "\(name): samples of shape \(shape.input); it needs images [channels, height, width] of at least "
                        + "\(smallest) x \(smallest)")
            }
            try requireRoom(for: parameters + perClass * shape.classes, in: name, remedy: "take a smaller model")
            return try make(settings, shape)
        }
    }

    private static func dropout(_ standard: String) -> Settings.Key {
        Settings.Key("dropout", standard, "share of values dropped in training before dense layers")
    }

    private static func chance(_ settings: Settings) throws -> Float {
        Float(try settings.number(dropout("0.5"), in: 0...0.99))
    }
}
