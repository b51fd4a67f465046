import Foundation
import MartletData
import Testing

/// Images with boxes: what is read, mended, and refused with the file and line.
@Suite struct DetectionDataTests {
    private static func image(_ path: String, _ width: Int = 40, _ height: Int = 30) throws {
        try Image(width: width, height: height, filledWith: 90).writePNG(to: path)
    }

    private static func voc(_ objects: String, size: String = "<size><width>40</width><height>30</height><depth>3</depth></size>")
        -> String
    {
        "<annotation>\n<filename>a</filename>\n\(size)\n\(objects)\n</annotation>\n"
    }

    private static func object(_ name: String, _ box: [Int], difficult: Int = 0) -> String {
        "<object><name>\(name)</name><difficult>\(difficult)</difficult>\n<bndbox><xmin>\(box[0])</xmin><ymin>\(box[1])</ymin>"
            + "<xmax>\(box[2])</xmax><ymax>\(box[3])</ymax></bndbox></object>"
    }

    /// A folder of images a, b, ... with these annotations and lists.
    private static func folder(_ annotations: [String: String], lists: [String: String] = [:]) throws -> String {
        let root = NSTemporaryDirectory() + "martlet-voc-" + UUID().uuidString
        for name in ["Annotations", "JPEGImages", "ImageSets/Main"] {
            try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true)
        }
        for (name, text) in annotations {
            try text.write(toFile: "\(root)/Annotations/\(name).xml", atomically: false, encoding: .utf8)
            try image("\(root)/JPEGImages/\(name).png")
        }
        for (name, text) in lists {
            try text.write(toFile: "\(root)/ImageSets/Main/\(name).txt", atomically: false, encoding: .utf8)
        }
        return root
    }

    private func refusal(_ body: () throws -> Void) -> DataError? {
        do {
            try body()
            return nil
        } catch {
            return error as? DataError
        }
    }

    @Test func pascalBoxesCountFromOneWithBothCornersInside() throws {
        let root = try Self.folder(
            [
                "a": Self.voc(Self.object("cat", [1, 1, 40, 30]) + Self.object("dog &amp; co", [5, 6, 5, 6], difficult: 1)),
                "b": Self.voc(""), "c": Self.voc(Self.object("cat", [2, 3, 10, 12])),
            ], lists: ["train": "a\nb 1\n\n", "val": "c -1\n"])
        defer { try? FileManager.default.removeItem(atPath: root) }
        let splits = try DataSpec.parse(root).loadDetection()
        #expect(splits.training.count == 2 && splits.validation?.count == 1 && splits.test == nil)
        #expect(splits.training.classNames == ["cat", "dog & co"])
        let first = splits.training.annotation(at: 0)
        #expect(first.objects[0].box == BoundingBox(0, 0, 40, 30))
        #expect(first.objects[1].box == BoundingBox(4, 5, 5, 6) && first.objects[1].isDifficult)
        #expect(splits.training.annotation(at: 1).objects.isEmpty)
        #expect(try splits.training.image(at: 0).channels == 3)
        #expect(splits.mended.isEmpty)
    }

    @Test func withoutListsAFifthIsHeldOut() throws {
        let root = try Self.folder(
            Dictionary(uniqueKeysWithValues: (0..<10).map { ("p\($0)", Self.voc(Self.object("x", [1, 1, 9, 9]))) }))
        defer { try? FileManager.default.removeItem(atPath: root) }
        let splits = try PascalVOC.load(root, seed: 3)
        #expect(splits.training.count == 8 && splits.validation?.count == 2)
    }

    /// Each kind of bad box, with its line, and what is done about it.
    @Test func badBoxesAreExplained() throws {
        let boxes: [([Int], String, BoundingBox?)] = [
            ([10, 10, 9, 20], "looks like x, y, width, height", nil), ([30, 20, 10, 8], "looks like x, y, width, height", nil),
            ([38, 28, 30, 20], "exchanged", BoundingBox(29, 19, 38, 28)), ([50, 40, 60, 50], "outside", nil),
            ([-20, 5, 10, 10], "across the border", BoundingBox(0, 4, 10, 10)),
        ]
        for (box, words, mended) in boxes {
            let root = try Self.folder(["a": Self.voc(Self.object("cat", box)), "b": Self.voc(Self.object("cat", [1, 1, 5, 5]))])
            defer { try? FileManager.default.removeItem(atPath: root) }
            let check = try DetectionCheck(.voc(root))
            #expect(check.problems.count == 1, "\(box): \(check.problems)")
            #expect(check.problems.first?.problem.contains(words) == true, "\(box): \(check.problems)")
            #expect(check.problems.first?.line == 5 && check.problems.first?.file?.hasSuffix("a.xml") == true)
            // Training goes on without it, or with what is left.
            let splits = try PascalVOC.load(root)
            #expect(splits.mended.count == 1)
            let all = [splits.training, splits.validation].compactMap { $0 }.flatMap { part in
                (0..<part.count).flatMap { part.annotation(at: $0).objects.map(\.box) }
            }
            #expect(all.contains(BoundingBox(0, 0, 5, 5)) && all.count == (mended == nil ? 1 : 2))
            if let mended { #expect(all.contains(mended)) }
        }
    }

    @Test func whatCannotBeMendedIsRefusedWithFileAndLine() throws {
        let good = Self.voc(Self.object("cat", [1, 1, 5, 5]))
        let cases: [(String, String, Int?)] = [
            ("<annotation>\n<object>\n</annotation>", "closes <object>", 3),
            ("<annotation>\n<size>", "ends inside <size>", 2),
            ("<!DOCTYPE a [<!ENTITY x \"y\">]>\n<annotation/>", "document type", 1),
            (String(repeating: "<a>\n", count: 100), "more than 64", 65),
            (Self.voc("<object><name>cat</name></object>"), "without a box", 4),
            (Self.voc("<object><bndbox/></object>"), "without a name", 4),
            (Self.voc(Self.object("cat", [1, 1, 5, 5]), size: ""), "no <size>", 1),
            (good.replacingOccurrences(of: "<xmin>1", with: "<xmin>one"), "'one' as <xmin>", 5),
            (good.replacingOccurrences(of: "<width>40", with: "<width>-4"), "'-4' as <width>", 3),
            ("nothing", "no XML", 1), ("", "no XML", 1), ("<annotation>&bad;</annotation>", "unknown entity", 1),
            ("<html></html>", "is <html>", 1),
            (Self.voc(Self.object("Cat", [1, 1, 5, 5])), "is written", 4),
        ]
        for (text, words, line) in cases {
            let root = try Self.folder(["z": good, "a": text])
            defer { try? FileManager.default.removeItem(atPath: root) }
            let error = refusal { _ = try PascalVOC.load(root) }
            #expect(error?.problem.contains(words) == true, "\(text.prefix(60)): \(String(describing: error))")
            if !words.contains("written") {
                #expect(
                    error?.file?.hasSuffix("a.xml") == true && error?.line == line,
                    "\(text.prefix(60)): \(String(describing: error))")
            }
            // Checked, the rest is told too.
            #expect(try DetectionCheck(.voc(root)).problems.count >= 1)
        }
    }

    /// Larger than any annotation is: refused by its size, without reading it.
    @Test func hugeAnnotationsAreRefused() throws {
        let root = try Self.folder(["a": Self.voc(Self.object("cat", [1, 1, 5, 5])), "b": ""])
        defer { try? FileManager.default.removeItem(atPath: root) }
        let file = try #require(FileHandle(forWritingAtPath: root + "/Annotations/b.xml"))
        try file.truncate(atOffset: 1 << 33)
        try file.close()
        let error = refusal { _ = try PascalVOC.load(root) }
        #expect(error?.file?.hasSuffix("b.xml") == true, "\(String(describing: error))")
        // Within the limit: many elements, and texts without an end.
        let many = String(repeating: Self.object("cat", [1, 1, 5, 5]), count: 20_000)
        try Self.voc(many).write(toFile: root + "/Annotations/b.xml", atomically: false, encoding: .utf8)
        #expect(try PascalVOC.load(root).training.count + (PascalVOC.load(root).validation?.count ?? 0) == 2)
        try ("<annotation>" + String(repeating: "x", count: 1 << 22)).write(
            toFile: root + "/Annotations/b.xml", atomically: false, encoding: .utf8)
        #expect(refusal { _ = try PascalVOC.load(root) }?.file?.hasSuffix("b.xml") == true)
    }

    @Test func missingImagesAreTold() throws {
        let root = try Self.folder(
            ["a": Self.voc(Self.object("cat", [1, 1, 5, 5]))], lists: ["train": "a\nmissing\n", "test": "../a\n"])
        defer { try? FileManager.default.removeItem(atPath: root) }
        let parent = refusal { _ = try PascalVOC.load(root) }
        #expect(parent?.line == 1 && parent?.file?.hasSuffix("test.txt") == true)
        try FileManager.default.removeItem(atPath: root + "/ImageSets/Main/test.txt")
        let error = refusal { _ = try PascalVOC.load(root) }
        #expect(error?.line == 2 && error?.file?.hasSuffix("train.txt") == true && error?.kind == .missing)
        try Self.image(root + "/JPEGImages/a.png", 41, 30)
        #expect(try DetectionCheck(.voc(root)).problems.contains { $0.problem.contains("41 x 30") })
    }

    // MARK: COCO

    private static func coco(_ text: String) throws -> (spec: String, root: String) {
        let root = NSTemporaryDirectory() + "martlet-coco-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root + "/images", withIntermediateDirectories: true)
        for name in ["a", "b"] { try image("\(root)/images/\(name).png") }
        try text.write(toFile: root + "/all.json", atomically: false, encoding: .utf8)
        return ("coco:\(root)/all.json,\(root)/images", root)
    }

    private static let head = """
        {"info": {"nested": [[[1, 2], {"x": null}]], "text": "\\u00e9\\ud83d\\ude00\\n"},
        "categories": [{"id": 90, "name": "zebra"}, {"id": 7, "name": "ant", "supercategory": "animal"}],
        "images": [{"id": 1000000, "file_name": "a.png", "width": 40, "height": 30},
        {"id": 3, "file_name": "b.png", "width": 40, "height": 30}],
        "annotations": [
        """

    @Test func cocoJoinsSparseIdentifiers() throws {
        let (spec, root) = try Self.coco(
            Self.head + """
                {"id": 5, "image_id": 3, "category_id": 90, "bbox": [1.5, 2, 10, 20.25], "area": 99.5, "iscrowd": 0,
                "segmentation": [[1, 2, 3, 4]]}, {"id": 6, "image_id": 3, "category_id": 7, "bbox": [0, 0, 40, 30], "iscrowd": 1}]}
                """)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let splits = try DataSpec.parse(spec).loadDetection()
        #expect(splits.training.classNames == ["ant", "zebra"])
        let parts = [splits.training, splits.validation].compactMap { $0 }
        let all = parts.flatMap { part in (0..<part.count).map { part.annotation(at: $0) } }
        #expect(all.count == 2)
        let objects = try #require(all.first { $0.name.hasSuffix("b.png") }).objects
        #expect(objects[0] == ObjectAnnotation(box: BoundingBox(1.5, 2, 11.5, 22.25), label: 1, area: 99.5))
        #expect(objects[1].isCrowd && objects[1].area == 1200)
    }

    /// All images of one file to train on, all of the other to judge by.
    @Test func cocoMayBringItsValidation() throws {
        let text = Self.head + #"{"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4]}]}"#
        let (spec, root) = try Self.coco(text)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let pair = String(spec.dropFirst("coco:".count))
        let splits = try DataSpec.parse("\(spec),\(pair)").loadDetection()
        #expect(splits.training.count == 2 && splits.validation?.count == 2 && splits.test == nil)
        #expect(try splits.part(named: "all").count == 4)
        try Data(text.replacingOccurrences(of: "zebra", with: "horse").utf8).write(to: URL(fileURLWithPath: root + "/other.json"))
        let images = pair.split(separator: ",").dropFirst().joined(separator: ",")
        let error = refusal { _ = try DataSpec.parse("\(spec),\(root)/other.json,\(images)").loadDetection() }
        #expect(error?.problem.contains("other categories") == true && error?.file?.hasSuffix("other.json") == true)
    }

    @Test func badCOCOIsExplained() throws {
        let cases: [(String, String, Int)] = [
            (#"{"id": 5, "image_id": 4, "category_id": 90, "bbox": [1, 2, 3, 4]}]}"#, "image 4, which is not listed", 5),
            (#"{"id": 5, "image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4]}]}"#, "category 1, which is not listed", 5),
            ("\n" + #"{"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 2, 3]}]}"#, "bbox of 3", 6),
            (#"{"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4], }]}"#, "where a text was expected", 5),
            ("[[1", "where an object was expected", 5), (#"{"id": "five"}]}"#, "where a number was expected", 5),
            (String(repeating: "[", count: 5), "where an object was expected", 5),
        ]
        for (text, words, line) in cases {
            let (spec, root) = try Self.coco(Self.head + text)
            defer { try? FileManager.default.removeItem(atPath: root) }
            let error = refusal { _ = try DataSpec.parse(spec).loadDetection() }
            #expect(error?.problem.contains(words) == true && error?.line == line, "\(text): \(String(describing: error))")
        }
        let mended: [(String, String)] = [
            ("[5, 5, 0, 10]", "0 x 10 pixels"), ("[20, 15, 30, 28]", "looks like two corners"), ("[100, 100, 5, 5]", "outside"),
            ("[30, 5, 20, 4]", "across the border"),
        ]
        for (box, words) in mended {
            let (spec, root) = try Self.coco(Self.head + #"{"id": 5, "image_id": 3, "category_id": 7, "bbox": \#(box)}]}"#)
            defer { try? FileManager.default.removeItem(atPath: root) }
            let problems = try DetectionCheck(try DataSpec.parse(spec)).problems
            #expect(problems.count == 1 && problems[0].problem.contains(words), "\(box): \(problems)")
        }
    }

    /// Cut anywhere or with any byte changed, files are read or refused, never more.
    @Test func damagedAnnotationsNeverTrap() throws {
        let json = Self.head + #"{"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4]}]}"#
        let xml = Self.voc(Self.object("cat", [1, 1, 5, 5]))
        let (spec, root) = try Self.coco(json)
        let other = try Self.folder(["a": xml])
        defer {
            try? FileManager.default.removeItem(atPath: root)
            try? FileManager.default.removeItem(atPath: other)
        }
        var random = SampleRandom(seed: 5)
        for _ in 0..<300 {
            for (text, path) in [(json, root + "/all.json"), (xml, other + "/Annotations/a.xml")] {
                var bytes = Array(text.utf8)
                if random.integer(below: 3) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
                for _ in 0..<random.integer(below: 4) where !bytes.isEmpty {
                    bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
                }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
            }
            _ = refusal { _ = try DataSpec.parse(spec).loadDetection() }
            _ = refusal { _ = try PascalVOC.load(other) }
        }
    }

    // MARK: Changes and scenes

    @Test func flipsAndScalesKeepBoxesRight() throws {
        // One bright rectangle; its box must stay around it.
        var pixels = [UInt8](repeating: 0, count: 60 * 40 * 3)
        for y in 10..<20 { for x in 6..<30 { for c in 0..<3 { pixels[(y * 60 + x) * 3 + c] = 255 } } }
        let image = Image(width: 60, height: 40, channels: 3, pixels: pixels)
        let object = ObjectAnnotation(box: BoundingBox(6, 10, 30, 20), label: 0)
        for seed in 0..<20 as Range<UInt64> {
            var random = SampleRandom(seed: seed)
            let prepared = PreparedImage(
                image, [object], sizing: DetectionSizing(shortSide: 80, longest: 500),
                jitter: DetectionJitter(flip: 0.5, scale: 0.7...1.3), exact: seed % 2 == 0, random: &random)
            let box = prepared.objects[0].box, out = prepared.floats()
            func level(_ x: Float, _ y: Float) -> Float { out[Int(y) * prepared.width + Int(x)] * 255 }
            let (x, y) = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
            #expect(
                level(box.x1 + 2, y) > 200 && level(box.x2 - 3, y) > 200 && level(x, box.y1 + 2) > 200
                    && level(x, box.y2 - 3) > 200)
            #expect(level(max(box.x1 - 3, 0), y) < 60 && level(box.x2 + 2, y) < 60 && level(x, box.y1 - 3) < 60)
        }
    }

    @Test func scenesAreTheSameForASeedAndTheirBoxesFit() throws {
        let scenes = try Scenes.load(), again = try Scenes.load()
        #expect(scenes.training.count == 800 && scenes.validation?.count == 100 && scenes.test?.count == 100)
        for index in [0, 17, 799] {
            let annotation = scenes.training.annotation(at: index)
            #expect(annotation == again.training.annotation(at: index))
            #expect(try scenes.training.image(at: index) == again.training.image(at: index))
            #expect(!annotation.objects.isEmpty)
            for object in annotation.objects {
                #expect(object.box.area > 40 && object.box == object.box.clipped(width: Scenes.size, height: Scenes.size))
            }
        }
        #expect(try Scenes.load(seed: 1).training.annotation(at: 0) != scenes.training.annotation(at: 0))
        let classes = Set((0..<100).flatMap { scenes.training.annotation(at: $0).objects.map(\.label) })
        #expect(classes.count == 10)
    }

    @Test func realPhotosAreRead() throws {
        let path =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path + "/shared/data/BCCD"
        guard FileManager.default.fileExists(atPath: path) else {
            print("skipped: \(path) is not there")
            return
        }
        let splits = try DataSpec.parse("voc:" + path).loadDetection()
        #expect(splits.training.classNames == ["Platelets", "RBC", "WBC"])
        #expect(splits.training.count > 150 && splits.test != nil)
        #expect(try splits.training.image(at: 0).width == 640)
    }
}
