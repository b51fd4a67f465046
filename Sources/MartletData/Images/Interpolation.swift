import CMartletImage

/// What the values of a resized image are weighted means of. Each filter grows with the scale where an image shrinks
/// (antialiasing), as Pillow has it.
public enum Interpolation: String, CaseIterable, Sendable {
    /// Equal weights.
    case box
    /// A triangle.
    case bilinear
    /// A cubic spline with a = -0.5.
    case bicubic
    /// A windowed sinc of three lobes.
    case lanczos

    var filter: martlet_filter {
        switch self {
        case .box: MARTLET_FILTER_BOX
        case .bilinear: MARTLET_FILTER_BILINEAR
        case .bicubic: MARTLET_FILTER_BICUBIC
        case .lanczos: MARTLET_FILTER_LANCZOS
        }
    }
}

/// Some columns and rows of an image.
public struct ImageRegion: Sendable, Hashable {
    public var left: Int
    public var top: Int
    public var width: Int
    public var height: Int

    public init(left: Int, top: Int, width: Int, height: Int) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }

    /// Whether it is not empty and lies within an image of this size.
    func lies(inWidth fullWidth: Int, height fullHeight: Int) -> Bool {
        left >= 0 && top >= 0 && width > 0 && height > 0 && left <= fullWidth - width && top <= fullHeight - height
    }
}

/// One direction of a resize, and the part of its result that is wanted.
struct ResizeAxis {
    var source: Int
    var target: Int
    var first: Int
    var count: Int

    var axis: martlet_axis { martlet_axis(source: source, target: target, first: first, count: count) }

    /// The source positions that the wanted part is made of.
    func reach(_ interpolation: Interpolation) -> (start: Int, count: Int) {
        var (start, count) = (0, 0)
        martlet_axis_reach(axis, interpolation.filter, &start, &count)
        return (start, count)
    }
}
