import Foundation

/// Data as the COCO challenges have it: one JSON file with images, categories and annotations, and a folder of images. Boxes are
/// x, y, width, height, counted from 0; identifiers may be any numbers. Lin et al., "Microsoft COCO", 2014.
public enum COCO {
    /// The largest annotation file, 2 GiB.
    static let fileLimit = 1 << 31

    /// A file of annotations, and the folder of its images.
    public struct Source: Sendable, Hashable, CustomStringConvertible {
        public var annotations: String
        public var images: String

        public init(annotations: String, images: String) {
            self.annotations = annotations
            self.images = images
        }

        public var description: String { "\(annotations),\(images)" }

        func mapped(_ change: (String) -> String) -> Source {
            Source(annotations: change(annotations), images: change(images))
        }
    }

    /// Reads annotations. Where there are none for validation, a fifth of the images, drawn by `seed`, is held out.
    public static func load(_ source: Source, validation: Source? = nil, seed: Int = 0) throws(DataError) -> DetectionSplits {
        let problems = BoxProblems(collectsAll: false)
        var splits = try load(source, validation, seed: seed, problems)
        splits.mended = problems.all
        return splits
    }

    private static func read(_ source: Source, _ problems: BoxProblems) throws(DataError) -> AnnotatedFiles {
        try Folder.check(source.images)
        let data = try COCOFile(source.annotations).dataset(source.images, problems)
        guard data.count > 0 else {
            throw DataError(.missing, file: source.annotations, problem: "has no images", remedy: "give a file with \"images\"")
        }
        return data
    }

    package static func load(
        _ source: Source, _ validation: Source?, seed: Int, _ problems: BoxProblems
    ) throws(DataError) -> DetectionSplits {
        let data = try read(source, problems)
        if let validation {
            let held = try read(validation, problems)
            guard held.classNames == data.classNames else {
                throw DataError(
                    .mismatch, file: validation.annotations,
                    problem: "has other categories than \(source.annotations)",
                    remedy: "list the same ones in both, by the same ids")
            }
            return DetectionSplits(training: data, validation: held)
        }
        let order = EpochOrder.permutation(of: data.count, seed: UInt64(bitPattern: Int64(seed)), epoch: EpochOrder.splitStream)
        let held = max(min(data.count / 5, data.count - 1), 0)
        return DetectionSplits(
            training: data.part(order.dropFirst(held).sorted(), name: data.name + "/train"),
            validation: held > 0 ? data.part(order.prefix(held).sorted(), name: data.name + "/val") : nil)
    }
}

/// What an annotation file says, as it says it.
private struct COCOFile {
    struct Entry {
        var id: Int?
        var image: Int?
        var category: Int?
        var box: [Double] = []
        var area: Double?
        var isCrowd = false
        var line = 0
    }

    struct Picture {
        var id: Int?
        var name: String?
        var width = 0
        var height = 0
        var line = 0
    }

    let path: String
    var pictures: [Picture] = []
    var entries: [Entry] = []
    var categories: [(id: Int?, name: String?, line: Int)] = []

    init(_ path: String) throws(DataError) {
        self.path = path
        var reader = JSONPieces(try InputFile.contents(path, limit: COCO.fileLimit), file: path)
        var pictures: [Picture] = [], entries: [Entry] = [], categories: [(id: Int?, name: String?, line: Int)] = []
        var found: Set<String> = []
        try reader.object { reader, key throws(DataError) in
            found.insert(key)
            switch key {
            case "images": try reader.list { reader throws(DataError) in pictures.append(try COCOFile.picture(&reader)) }
            case "annotations": try reader.list { reader throws(DataError) in entries.append(try COCOFile.entry(&reader)) }
            case "categories":
                try reader.list { reader throws(DataError) in
                    var category: (id: Int?, name: String?, line: Int) = (nil, nil, reader.line)
                    try reader.object { reader, key throws(DataError) in
                        switch key {
                        case "id": category.id = try reader.integer()
                        case "name": category.name = try reader.string()
                        default: try reader.skip()
                        }
                    }
                    categories.append(category)
                }
            default: try reader.skip()
            }
        }
        try reader.finish()
        for key in ["images", "annotations", "categories"] where !found.contains(key) {
            throw DataError(
                .unsupported, file: path, problem: "has no \"\(key)\"",
                remedy: "give a COCO file with images, annotations, categories")
        }
        (self.pictures, self.entries, self.categories) = (pictures, entries, categories)
    }

    private static func picture(_ reader: inout JSONPieces) throws(DataError) -> Picture {
        var picture = Picture()
        picture.line = reader.line
        try reader.object { reader, key throws(DataError) in
            switch key {
            case "id": picture.id = try reader.integer()
            case "file_name": picture.name = try reader.string()
            case "width": picture.width = try reader.integer()
            case "height": picture.height = try reader.integer()
            default: try reader.skip()
            }
        }
        return picture
    }

    private static func entry(_ reader: inout JSONPieces) throws(DataError) -> Entry {
        var entry = Entry()
        entry.line = reader.line
        try reader.object { reader, key throws(DataError) in
            switch key {
            case "id": entry.id = try reader.integer()
            case "image_id": entry.image = try reader.integer()
            case "category_id": entry.category = try reader.integer()
            case "area": entry.area = try reader.number()
            case "iscrowd": entry.isCrowd = try reader.bool()
            case "bbox":
                var box: [Double] = []
                try reader.list { reader throws(DataError) in
                    box.append(try reader.number())
                    if box.count > 4 { throw reader.damage("has a bbox of more than four numbers") }
                }
                entry.box = box
            default: try reader.skip()
            }
        }
        return entry
    }

    /// Puts together what the identifiers join.
    func dataset(_ folder: String, _ problems: BoxProblems) throws(DataError) -> AnnotatedFiles {
        func wrong(_ line: Int, _ problem: String, _ remedy: String) throws(DataError) {
            try problems.fail(DataError(.mismatch, file: path, line: line, problem: problem, remedy: remedy))
        }
        var names = ClassNames(), labels: [Int: Int] = [:], classes: [String] = []
        for category in categories.sorted(by: { ($0.id ?? 0) < ($1.id ?? 0) }) {
            guard let id = category.id, let name = category.name, !name.isEmpty else {
                try wrong(category.line, "has a category without id or name", "give both")
                continue
            }
            guard labels[id] == nil else {
                try wrong(category.line, "has two categories with the id \(id)", "number them differently")
                continue
            }
            try names.add(name, file: path, line: category.line, problems)
            labels[id] = classes.count
            classes.append(name)
        }
        var numbers: [Int: Int] = [:], images: [(path: String, annotation: ImageAnnotation)] = []
        for picture in pictures {
            guard let id = picture.id, let name = picture.name, !name.isEmpty, (1...100_000).contains(picture.width),
                (1...100_000).contains(picture.height)
            else {
                try wrong(picture.line, "has an image without id, file_name, width or height", "give all four")
                continue
            }
            guard numbers[id] == nil else {
                try wrong(picture.line, "has two images with the id \(id)", "number them differently")
                continue
            }
            let file = folder + "/" + name
            guard !name.split(separator: "/").contains(".."), Folder.isFolder(file) == false else {
                try problems.fail(
                    DataError(
                        .missing, file: path, line: picture.line,
                        problem: "names the image \(DataError.quote(name)), which is not in \(folder)",
                        remedy: "add it, or take it out"))
                continue
            }
            numbers[id] = images.count
            images.append((file, ImageAnnotation(name: file, width: picture.width, height: picture.height, objects: [])))
        }
        let listed = Set(pictures.compactMap(\.id))
        for entry in entries {
            let what = "the annotation \(entry.id.map(String.init) ?? "without id")"
            guard let image = entry.image, let number = numbers[image] else {
                // An image that is left out takes its annotations along.
                if entry.image.map({ !listed.contains($0) }) ?? true {
                    try wrong(
                        entry.line,
                        "\(what) belongs to the image \(entry.image.map(String.init) ?? "without id"), which is not listed",
                        "list the image, or take the annotation out")
                }
                continue
            }
            guard let category = entry.category, let label = labels[category] else {
                try wrong(
                    entry.line,
                    "\(what) has the category \(entry.category.map(String.init) ?? "without id"), which is not listed",
                    "list the category, or correct the annotation")
                continue
            }
            guard entry.box.count == 4 else {
                try wrong(entry.line, "\(what) has a bbox of \(entry.box.count) numbers", "give x, y, width, height")
                continue
            }
            let annotation = images[number].annotation
            let stated = StatedBox(form: .extents, values: entry.box, file: path, line: entry.line, what: what)
            guard let box = stated.checked(width: annotation.width, height: annotation.height, problems) else { continue }
            images[number].annotation.objects.append(
                ObjectAnnotation(box: box, label: label, isCrowd: entry.isCrowd, area: entry.area.map { Float($0) }))
        }
        return AnnotatedFiles(
            name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, classNames: classes, images: images)
    }
}
