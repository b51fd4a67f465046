/// A box in an image: corners in pixels from the top left, the right and lower one just outside, so that the width is x2 - x1.
public struct BoundingBox: Sendable, Hashable {
    public var x1, y1, x2, y2: Float

    public init(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) {
        (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2)
    }

    public var width: Float { x2 - x1 }
    public var height: Float { y2 - y1 }
    /// 0 for a box whose corners are exchanged.
    public var area: Float { max(width, 0) * max(height, 0) }

    /// The part of it inside an image.
    public func clipped(width: Int, height: Int) -> BoundingBox {
        let (w, h) = (Float(width), Float(height))
        return BoundingBox(min(max(x1, 0), w), min(max(y1, 0), h), min(max(x2, 0), w), min(max(y2, 0), h))
    }

    public func scaled(x: Float, y: Float) -> BoundingBox { BoundingBox(x1 * x, y1 * y, x2 * x, y2 * y) }

    /// Mirrored left to right in an image of this width.
    public func flipped(width: Int) -> BoundingBox { BoundingBox(Float(width) - x2, y1, Float(width) - x1, y2) }

    /// Intersection over union; 0 where neither has an area.
    public func overlap(with other: BoundingBox) -> Float {
        let shared = max(0, min(x2, other.x2) - max(x1, other.x1)) * max(0, min(y2, other.y2) - max(y1, other.y1))
        let union = area + other.area - shared
        return union > 0 ? shared / union : 0
    }
}

/// Something in an image.
public struct ObjectAnnotation: Sendable, Hashable {
    public var box: BoundingBox
    /// An index into the classes.
    public var label: Int
    /// Whether finding it or not counts for nothing (Pascal VOC's `difficult`).
    public var isDifficult: Bool
    /// Whether the box holds a crowd of such objects, which any number of detections may match (COCO's `iscrowd`).
    public var isCrowd: Bool
    /// Of the object's outline where the data tells it, else of the box.
    public var area: Float

    public init(box: BoundingBox, label: Int, isDifficult: Bool = false, isCrowd: Bool = false, area: Float? = nil) {
        self.box = box
        self.label = label
        self.isDifficult = isDifficult
        self.isCrowd = isCrowd
        self.area = area ?? box.area
    }
}

/// What is known of an image.
public struct ImageAnnotation: Sendable, Hashable {
    /// The image's file, or what it is called.
    public var name: String
    public var width: Int
    public var height: Int
    public var objects: [ObjectAnnotation]

    public init(name: String, width: Int, height: Int, objects: [ObjectAnnotation]) {
        self.name = name
        self.width = width
        self.height = height
        self.objects = objects
    }
}

/// Images with boxes. Reading is safe from any thread.
public protocol DetectionDataset: Sendable {
    /// How messages call it, such as `BCCD/train`.
    var name: String { get }
    var count: Int { get }
    /// An object's label is an index into them.
    var classNames: [String] { get }
    /// Known without reading the image.
    func annotation(at index: Int) -> ImageAnnotation
    /// The image, in colour.
    func image(at index: Int) throws(DataError) -> Image
}

/// What a source of images with boxes offers.
public struct DetectionSplits: Sendable {
    public var training: any DetectionDataset
    public var validation: (any DetectionDataset)?
    public var test: (any DetectionDataset)?
    /// What is wrong with the data that reading mended: boxes cut at the image's border or left out.
    public var mended: [DataError] = []

    public init(
        training: any DetectionDataset, validation: (any DetectionDataset)? = nil, test: (any DetectionDataset)? = nil,
        mended: [DataError] = []
    ) {
        self.training = training
        self.validation = validation
        self.test = test
        self.mended = mended
    }

    /// What judges the model while it trains.
    public var heldOut: (any DetectionDataset)? { validation ?? test }

    /// The part a `--split` value names; `all` are the three together.
    public func part(named name: String) throws(DataError) -> any DetectionDataset {
        if name == "all" { return JoinedDetections([training, validation, test].compactMap { $0 }) }
        return try partOfSplits(named: name, training, validation, test, of: training.name)
    }
}

/// Data sets of the same classes, one after the other.
struct JoinedDetections: DetectionDataset {
    private let parts: [any DetectionDataset]
    /// Which part an image is in, and its number there.
    private let places: [(part: Int, index: Int)]

    /// - Parameter parts: at least one.
    init(_ parts: [any DetectionDataset]) {
        self.parts = parts
        places = parts.indices.flatMap { part in (0..<parts[part].count).map { (part, $0) } }
    }

    var name: String { parts.map(\.name).joined(separator: " and ") }
    var count: Int { places.count }
    var classNames: [String] { parts[0].classNames }

    func annotation(at index: Int) -> ImageAnnotation { parts[places[index].part].annotation(at: places[index].index) }

    func image(at index: Int) throws(DataError) -> Image {
        try parts[places[index].part].image(at: places[index].index)
    }
}

/// Images in files, with their annotations in memory.
public struct AnnotatedFiles: DetectionDataset {
    public let name: String
    public let classNames: [String]
    let images: [(path: String, annotation: ImageAnnotation)]

    init(name: String, classNames: [String], images: [(path: String, annotation: ImageAnnotation)]) {
        self.name = name
        self.classNames = classNames
        self.images = images
    }

    public var count: Int { images.count }
    public func annotation(at index: Int) -> ImageAnnotation { images[index].annotation }

    public func image(at index: Int) throws(DataError) -> Image {
        let (path, annotation) = images[index]
        // Boxes are drawn on the picture as it is stored.
        let image = try Image.read(path, upright: false)
        guard image.width == annotation.width, image.height == annotation.height else {
            throw DataError(
                .mismatch, file: path,
                problem:
                    "has \(image.width) x \(image.height) pixels, where its annotation says \(annotation.width) x \(annotation.height)",
                remedy: "correct the size in the annotation, and the boxes")
        }
        return image.rgb()
    }

    /// The images numbered so.
    func part(_ indices: [Int], name: String) -> AnnotatedFiles {
        AnnotatedFiles(name: name, classNames: classNames, images: indices.map { images[$0] })
    }
}
