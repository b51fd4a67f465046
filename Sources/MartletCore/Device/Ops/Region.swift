/// How regions of feature maps are pooled to one size.
public struct RegionPoolingOptions: Hashable, Sendable {
    /// The rows and columns that each region is divided into.
    public var size: Pair
    /// From the boxes' coordinates to those of the feature map, as a rule 1 over the network's stride.
    public var scale: Float

    public init(size: Pair, scale: Float = 1) {
        self.size = size
        self.scale = scale
    }
}

/// How regions of feature maps are sampled. He et al., "Mask R-CNN", 2017.
public struct RegionAlignOptions: Hashable, Sendable {
    /// The rows and columns that each region is divided into.
    public var size: Pair
    /// From the boxes' coordinates to those of the feature map.
    public var scale: Float
    /// Samples along each axis of a part; 0 takes as many as the part is wide and high, rounded up.
    public var samplingRatio: Int
    /// Whether coordinates are moved by half an element, so that they mean the elements' corners, and small regions keep their
    /// size. Else a region counts as at least 1 x 1, as in the first implementations.
    public var aligned: Bool

    public init(size: Pair, scale: Float = 1, samplingRatio: Int = 0, aligned: Bool = false) {
        self.size = size
        self.scale = scale
        self.samplingRatio = samplingRatio
        self.aligned = aligned
    }
}

/// Regions of feature maps, and boxes. All views are contiguous: x [n, c, h, w] and y [k, c, oh, ow] float32, boxes [k, 5]
/// float32 with the image's number in 0..<n, then x1, y1, x2, y2. A box of an image that is not there gives NaN and adds
/// nothing to gradients. What is done box by box with arithmetic alone (encoding, clipping, overlaps) is pointwise work and
/// needs nothing here.
public protocol RegionOps: AnyObject {
    /// The largest of each part of each region, where the box's corners and the parts' edges are rounded to whole elements
    /// outwards as in Girshick, "Fast R-CNN", 2015, and torchvision: corners to the nearest (half away from 0), both included.
    /// indices, shaped as y: `row * w + column` of the largest, the first of equals; a NaN wins. A part outside the image is 0
    /// with the index -1.
    func regionPool(_ x: View, boxes: View, into y: View, indices: View, options: RegionPoolingOptions)
    /// dx gathers dy from the parts whose index names the position, in the order of the boxes; zero elsewhere.
    func regionPoolGradient(_ dy: View, boxes: View, indices: View, into dx: View, options: RegionPoolingOptions)
    /// The average over samples of each part, each between the four elements about it; one that lies more than one element
    /// outside the image counts as 0.
    func regionAlign(_ x: View, boxes: View, into y: View, options: RegionAlignOptions)
    func regionAlignGradient(_ dy: View, boxes: View, into dx: View, options: RegionAlignOptions)
    /// Which of boxes [n, 4] (x1, y1, x2, y2) stay when each that overlaps an earlier one that stays by more than
    /// `threshold` (intersection over union) goes. "Earlier" is by `order` [n] int32, a permutation. With `groups` [n] int32
    /// only boxes of one group suppress each other.
    ///
    /// kept [capacity] int32: the numbers of the first that stay, in that order, then -1; count [1] int32: how many of them
    /// there are, at most the capacity.
    func suppress(_ boxes: View, order: View, groups: View?, threshold: Float, into kept: View, count: View)
}
