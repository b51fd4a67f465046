import Foundation

/// Data as the Pascal VOC challenges have it: `JPEGImages`, an XML file for each image in `Annotations`, and lists of names in
/// `ImageSets/Main`. Boxes are counted from 1, both corners inside. Everingham et al., "The Pascal visual object classes
/// challenge", 2010.
public enum PascalVOC {
    /// The largest annotation file, 64 MiB.
    static let fileLimit = 1 << 26

    /// Whether a folder is laid out so.
    static func isRecognized(_ path: String) -> Bool {
        Folder.isFolder(path + "/Annotations") == true && Folder.isFolder(path + "/JPEGImages") == true
    }

    /// Reads the annotations of a folder. Without lists of names, a fifth of the images, drawn by `seed`, is held out.
    public static func load(_ path: String, seed: Int = 0) throws(DataError) -> DetectionSplits {
        let problems = BoxProblems(collectsAll: false)
        var splits = try load(path, seed: seed, problems)
        splits.mended = problems.all
        return splits
    }

    package static func load(_ path: String, seed: Int, _ problems: BoxProblems) throws(DataError) -> DetectionSplits {
        for folder in [path, path + "/Annotations", path + "/JPEGImages"] { try Folder.check(folder) }
        let images = try imageFiles(path)
        let title = URL(fileURLWithPath: path).lastPathComponent
        var lists = try lists(path)
        let names: [String]
        if lists.isEmpty {
            names = try Folder.contents(path + "/Annotations").filter { $0.hasSuffix(".xml") }.map { String($0.dropLast(4)) }
            guard !names.isEmpty else {
                throw DataError(
                    .missing, file: path + "/Annotations", problem: "has no XML file", remedy: "give an annotation for each image"
                )
            }
        } else {
            var seen: Set<String> = []
            names = lists.flatMap(\.entries).map(\.name).filter { seen.insert($0).inserted }
        }
        var classes = ClassNames(), records: [VOCRecord] = [], numbers: [String: Int] = [:]
        let places = Dictionary(
            lists.flatMap { list in list.entries.map { ($0.name, (list.file, $0.line)) } }, uniquingKeysWith: { a, _ in a })
        for name in names {
            let file = "\(path)/Annotations/\(name).xml", place = places[name]
            guard
                let record = try problems.attempt({ () throws(DataError) in
                    guard let image = images[name] else {
                        throw DataError(
                            .missing, file: place?.0 ?? file, line: place?.1,
                            problem: "names the image \(DataError.quote(name)), which is not in JPEGImages",
                            remedy: "add \(name).jpg or .png, or take the name out")
                    }
                    return try VOCRecord(file, image: "\(path)/JPEGImages/\(image)", problems)
                })
            else { continue }
            for object in record.objects { try classes.add(object.name, file: file, line: object.line, problems) }
            numbers[name] = records.count
            records.append(record)
        }
        let labels = Dictionary(uniqueKeysWithValues: classes.sorted.enumerated().map { ($1, $0) })
        let all = AnnotatedFiles(
            name: title, classNames: classes.sorted, images: records.map { ($0.image, $0.annotation(labels)) })
        if lists.isEmpty {
            let order = EpochOrder.permutation(
                of: all.count, seed: UInt64(bitPattern: Int64(seed)), epoch: EpochOrder.splitStream)
            let held = max(min(all.count / 5, all.count - 1), 0)
            return DetectionSplits(
                training: all.part(order.dropFirst(held).sorted(), name: title + "/train"),
                validation: held > 0 ? all.part(order.prefix(held).sorted(), name: title + "/val") : nil)
        }
        // `trainval` stands for both where the parts are not listed.
        if !lists.contains(where: { $0.split == "train" }), let both = lists.firstIndex(where: { $0.split == "trainval" }) {
            lists[both].split = "train"
        }
        func part(_ split: String) -> AnnotatedFiles? {
            lists.first { $0.split == split }.map { list in
                all.part(list.entries.compactMap { numbers[$0.name] }, name: "\(title)/\(split)")
            }
        }
        guard let training = part("train"), training.count > 0 else {
            throw DataError(
                .missing, file: path + "/ImageSets/Main", problem: "lists no image for training",
                remedy: "give a train.txt with a name a line")
        }
        return DetectionSplits(
            training: training, validation: part("val").flatMap { $0.count > 0 ? $0 : nil },
            test: part("test").flatMap { $0.count > 0 ? $0 : nil })
    }

    private static func imageFiles(_ path: String) throws(DataError) -> [String: String] {
        var files: [String: String] = [:]
        for file in try Folder.contents(path + "/JPEGImages") {
            let parts = file.split(separator: ".")
            guard parts.count >= 2, ["jpg", "jpeg", "png"].contains(parts[parts.count - 1].lowercased()) else { continue }
            files[parts.dropLast().joined(separator: ".")] = file
        }
        return files
    }

    private struct List {
        var split: String
        var file: String
        var entries: [(name: String, line: Int)]
    }

    private static func lists(_ path: String) throws(DataError) -> [List] {
        let folder = path + "/ImageSets/Main"
        guard Folder.isFolder(folder) == true else { return [] }
        var lists: [List] = []
        for split in ["train", "val", "test", "trainval"] {
            let file = "\(folder)/\(split).txt"
            guard Folder.isFolder(file) == false else { continue }
            let text = String(decoding: try InputFile.contents(file, limit: fileLimit), as: UTF8.self)
            var entries: [(String, Int)] = []
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                guard let name = line.split(whereSeparator: \.isWhitespace).first else { continue }
                guard !name.contains("/"), name != "..", name != "." else {
                    throw DataError(
                        .damaged, file: file, line: number + 1, problem: "\(DataError.quote(name)) is not the name of an image",
                        remedy: "give names without folders and endings")
                }
                entries.append((String(name), number + 1))
            }
            lists.append(List(split: split, file: file, entries: entries))
        }
        return lists
    }
}

/// An annotation file.
private struct VOCRecord {
    var image: String
    var width = 0
    var height = 0
    var objects: [(name: String, line: Int, box: BoundingBox, isDifficult: Bool)] = []

    init(_ file: String, image: String, _ problems: BoxProblems) throws(DataError) {
        self.image = image
        let root = try XMLReader.read(try InputFile.contents(file, limit: PascalVOC.fileLimit), file: file)
        guard root.name == "annotation" else {
            throw DataError(
                .unsupported, file: file, line: root.line, problem: "is <\(root.name)>", remedy: "give a Pascal VOC <annotation>")
        }
        guard let size = root.first("size") else {
            throw DataError(
                .damaged, file: file, line: root.line, problem: "has no <size>", remedy: "give the image's width and height")
        }
        width = Int(try VOCRecord.number(size, "width", file, 1...100_000))
        height = Int(try VOCRecord.number(size, "height", file, 1...100_000))
        for object in root.children where object.name == "object" {
            guard let name = object.first("name")?.text, !name.isEmpty else {
                try problems.fail(
                    DataError(
                        .damaged, file: file, line: object.line, problem: "has an object without a name", remedy: "name its class"
                    ))
                continue
            }
            guard let bounds = object.first("bndbox") else {
                try problems.fail(
                    DataError(
                        .damaged, file: file, line: object.line, problem: "has the object \(DataError.quote(name)) without a box",
                        remedy: "give it a <bndbox>"))
                continue
            }
            let values = try problems.attempt { () throws(DataError) in
                var values: [Double] = []
                for side in ["xmin", "ymin", "xmax", "ymax"] {
                    values.append(try VOCRecord.number(bounds, side, file, -1e9...1e9))
                }
                return values
            }
            guard let values else { continue }
            let stated = StatedBox(
                form: .corners, values: values, file: file, line: bounds.line, what: "the object \(DataError.quote(name))")
            guard let box = stated.checked(width: width, height: height, problems) else { continue }
            objects.append((name, object.first("name")?.line ?? object.line, box, object.first("difficult")?.text == "1"))
        }
    }

    private static func number(
        _ element: XMLElement, _ name: String, _ file: String, _ range: ClosedRange<Double>
    ) throws(DataError) -> Double {
        guard let child = element.first(name) else {
            throw DataError(
                .damaged, file: file, line: element.line, problem: "has no <\(name)> in <\(element.name)>", remedy: "give it")
        }
        guard let value = Double(child.text), range.contains(value) else {
            throw DataError(
                .damaged, file: file, line: child.line, problem: "has \(DataError.quote(child.text)) as <\(name)>",
                remedy: "give a number of pixels")
        }
        return value
    }

    func annotation(_ labels: [String: Int]) -> ImageAnnotation {
        ImageAnnotation(
            name: image, width: width, height: height,
            objects: objects.compactMap { object in
                labels[object.name].map { ObjectAnnotation(box: object.box, label: $0, isDifficult: object.isDifficult) }
            })
    }
}
