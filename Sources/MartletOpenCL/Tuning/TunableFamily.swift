import MartletCore
import MartletKernels

/// A family of kernels with its table of variants, whose type is forgotten.
struct TunableFamily: Sendable {
    let kernel: TunableKernel
    let get: @Sendable (KernelVariants, String) -> KernelParameters?
    /// False where the class or a parameter is not known.
    let set: @Sendable (inout KernelVariants, String, KernelParameters, _ isTrial: Bool) -> Bool

    /// What a device of this class runs; the shipped variants are those of its tables.
    static func all(_ deviceClass: DeviceClass, _ variants: KernelVariants) -> [TunableFamily] {
        switch deviceClass {
        case .gpuLike:
            [
                TunableFamily(tiles: "MatmulTile", ["MatmulTile"], \.matmulTiles),
                TunableFamily(tiles: "ConvolutionTile", ["MatmulTile", "ConvolutionTile"], \.convolutionTiles),
                TunableFamily("WinogradTile", ["MatmulTile", "Winograd", "WinogradTile"], \.winogradTiles, variants) { _ in
                    WinogradTileVariant.axes
                },
            ]
        case .cpuLike:
            [
                TunableFamily("Matmul", ["Matmul"], \.matmul, variants, MatmulPanelVariant.axes(for:)),
                TunableFamily(
                    "Convolution", ["Matmul", "Convolution"], \.convolution, variants, ConvolutionPanelVariant.axes(for:)),
                TunableFamily(
                    "Winograd", ["Matmul", "Winograd", "WinogradPanels"], \.winograd, variants, WinogradPanelVariant.axes(for:)),
            ]
        }
    }

    private init<Class, Variant>(
        _ name: String, _ files: [String], _ table: WritableKeyPath<KernelVariants, VariantTable<Class, Variant>> & Sendable,
        _ variants: KernelVariants, _ axes: (Class) -> [VariantAxis<Variant>]
    ) {
        let classes = Class.allCases.map { TunableKernel.ShapeClass($0.rawValue, axes: axes($0).map(\.axis)) }
        let shipped = variants[keyPath: table].shipped
        kernel = TunableKernel(
            name: name, classes: classes, shipped: shipped.parameters,
            source: TunableFamily.source(files, [shipped.parameters]))
        get = { variants, name in Class(rawValue: name).map { variants[keyPath: table][$0].parameters } }
        set = { variants, name, parameters, isTrial in
            guard let shapeClass = Class(rawValue: name), let variant = shipped.with(parameters, isTrial: isTrial) else {
                return false
            }
            variants[keyPath: table][shapeClass] = variant
            return true
        }
    }

    /// Tiles: no parameters stand for the shipped ones by their own rule.
    private init<Class: RawRepresentable<String> & CaseIterable & Hashable & Sendable>(
        tiles name: String, _ files: [String], _ table: WritableKeyPath<KernelVariants, [Class: MatmulTileVariant]> & Sendable
    ) {
        kernel = TunableKernel(
            name: name,
            classes: Class.allCases.map { .init($0.rawValue, axes: MatmulTileVariant.axes(for: $0.rawValue).map(\.axis)) },
            shipped: [:],
            source: TunableFamily.source(files, MatmulTileVariant.standard.map(\.parameters)))
        get = { variants, name in Class(rawValue: name).map { variants[keyPath: table][$0]?.parameters ?? [:] } }
        set = { variants, name, parameters, isTrial in
            guard let shapeClass = Class(rawValue: name) else { return false }
            let variant = MatmulTileVariant(parameters, isTrial: isTrial)
            if variant == nil, !parameters.isEmpty { return false }
            variants[keyPath: table][shapeClass] = variant
            return true
        }
    }

    private static func source(_ files: [String], _ shipped: [KernelParameters]) -> String {
        let values = shipped.flatMap { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }
        return TunedTable.hash(((["Prelude"] + files).map { Kernels.source($0) ?? "" } + values).joined())
    }
}
