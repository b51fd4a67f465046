import MartletCore

/// Parameters of a family of kernels: a struct whose fields are what `martlet tune` searches.
protocol KernelVariant: Hashable, Sendable {
    /// The shipped values, for a processor whose registers hold so many vectors of 16 floats.
    static func shipped(registers: Int) -> Self
    /// Its fields by name, with the values worth trying.
    static var axes: [VariantAxis<Self>] { get }
}

/// A field of a variant and the values worth trying.
struct VariantAxis<Variant: Sendable>: Sendable {
    let name: String
    let path: WritableKeyPath<Variant, Int> & Sendable
    let values: [Int]

    init(_ name: String, _ path: WritableKeyPath<Variant, Int> & Sendable, _ values: [Int]) {
        self.name = name
        self.path = path
        self.values = values
    }

    var axis: TunableKernel.Axis { TunableKernel.Axis(name, values) }
}

extension KernelVariant {
    var parameters: KernelParameters {
        Dictionary(uniqueKeysWithValues: Self.axes.map { ($0.name, self[keyPath: $0.path]) })
    }

    /// This variant with other values; nil where a name, or unless `isTrial` a value, is not of the space.
    func with(_ parameters: KernelParameters, isTrial: Bool) -> Self? {
        var variant = self
        var known = 0
        for axis in Self.axes {
            guard let value = parameters[axis.name] else { continue }
            guard isTrial || axis.values.contains(value) || value == self[keyPath: axis.path] else { return nil }
            variant[keyPath: axis.path] = value
            known += 1
        }
        return known == parameters.count ? variant : nil
    }
}

/// A variant for each class of shapes; the shipped one where none was found.
struct VariantTable<Class: RawRepresentable<String> & CaseIterable & Hashable & Sendable, Variant: KernelVariant>: Sendable {
    let shipped: Variant
    private var found: [Class: Variant] = [:]

    init(registers: Int) { shipped = .shipped(registers: registers) }

    subscript(shapeClass: Class) -> Variant {
        get { found[shapeClass] ?? shipped }
        set { found[shapeClass] = newValue }
    }
}

/// The variants that a device runs.
struct KernelVariants: Sendable {
    var matmul: VariantTable<MatmulClass, MatmulPanelVariant>
    /// Tiles preferred to those that `TiledProduct.plans` chooses by itself.
    var matmulTiles: [MatmulClass: MatmulTileVariant] = [:]
    var convolutionTiles: [ConvolutionClass: MatmulTileVariant] = [:]
    var convolution: VariantTable<ConvolutionClass, ConvolutionPanelVariant>
    var winograd: VariantTable<WinogradClass, WinogradPanelVariant>
    var winogradTiles: VariantTable<WinogradClass, WinogradTileVariant>
    /// Whether the preferred tiles are a trial's: then no others take their place.
    var isTrial = false

    /// The shipped ones.
    init(registers: Int) {
        matmul = .init(registers: registers)
        convolution = .init(registers: registers)
        winograd = .init(registers: registers)
        winogradTiles = .init(registers: registers)
    }
}

/// The passes of a convolution over its image, by what they share.
enum ConvolutionClass: String, CaseIterable, Sendable {
    /// The output, or the input's gradient.
    case images
    case weightGradient
}

enum WinogradClass: String, CaseIterable, Sendable {
    case images
    case weightGradient
}
