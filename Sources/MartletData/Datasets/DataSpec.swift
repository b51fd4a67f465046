import Foundation

/// What `--data` names: a data set within the program, or a path and how to read it.
public enum DataSpec: Sendable, Hashable, CustomStringConvertible {
    /// The embedded digits.
    case digits
    /// A folder of IDX files.
    case mnist(String)
    /// A folder with CIFAR-10's binary version.
    case cifar10(String)
    /// A folder of images by class.
    case folder(String)
    /// A table of numbers.
    case csv(String)
    /// A text for a language model.
    case text(String)
    /// A folder of sentences in two languages.
    case pairs(String)
    /// Generated images of digits with boxes.
    case scenes
    /// A folder of images with Pascal VOC's annotations.
    case voc(String)
    /// A file of COCO's annotations and the folder of its images, and the same for validation where that is not held out of it.
    case coco(COCO.Source, validation: COCO.Source? = nil)

    /// The forms that are read.
    public static let forms =
        "digits, mnist:DIR, cifar10:DIR, folder:DIR, csv:FILE, text:FILE, pairs:DIR, "
        + "for detection scenes, voc:DIR, coco:ANNOTATIONS.json,IMAGES (twice: training, validation), or a path of one of these layouts"

    /// Reads a specification: a form of `forms`. A bare path is recognised by what lies there. Throws where the form is
    /// unknown or the path is not recognised.
    public static func parse(_ text: String) throws(DataError) -> DataSpec {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let scheme = parts.first ?? ""
        if parts.count == 1 {
            if text == "digits" { return .digits }
            if text == "scenes" { return .scenes }
            guard !text.isEmpty else {
                throw DataError(.setting, problem: "the data specification is empty", remedy: "give \(forms)")
            }
            return try recognized(text)
        }
        let path = parts[1]
        let known: [String: (String) -> DataSpec] = [
            "mnist": { .mnist($0) }, "cifar10": { .cifar10($0) }, "folder": { .folder($0) }, "csv": { .csv($0) },
            "voc": { .voc($0) },
            "text": { .text($0) }, "pairs": { .pairs($0) },
        ]
        if let make = known[scheme] {
            guard !path.isEmpty else {
                throw DataError(
                    .setting, problem: "the data specification \(DataError.quote(text)) lacks its path", remedy: "give \(forms)")
            }
            return make(path)
        }
        if scheme == "coco" { return try coco(path) }
        // A path may hold a colon itself.
        if Folder.isFolder(text) != nil { return try recognized(text) }
        throw DataError(.setting, problem: "there is no kind of data called \(DataError.quote(scheme))", remedy: "give \(forms)")
    }

    public var description: String {
        switch self {
        case .digits: "digits"
        case .mnist(let path): "mnist:\(path)"
        case .cifar10(let path): "cifar10:\(path)"
        case .folder(let path): "folder:\(path)"
        case .csv(let path): "csv:\(path)"
        case .scenes: "scenes"
        case .voc(let path): "voc:\(path)"
        case .coco(let source, let validation): "coco:\(source)\(validation.map { ",\($0)" } ?? "")"
        case .text(let path): "text:\(path)"
        case .pairs(let path): "pairs:\(path)"
        }
    }

    /// The same with its path made absolute, so that it holds in any folder.
    public var absolute: DataSpec {
        func whole(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        switch self {
        case .digits: return .digits
        case .mnist(let path): return .mnist(whole(path))
        case .cifar10(let path): return .cifar10(whole(path))
        case .folder(let path): return .folder(whole(path))
        case .csv(let path): return .csv(whole(path))
        case .scenes: return .scenes
        case .voc(let path): return .voc(whole(path))
        case .coco(let source, let validation): return .coco(source.mapped(whole), validation: validation?.mapped(whole))
        case .text(let path): return .text(whole(path))
        case .pairs(let path): return .pairs(whole(path))
        }
    }

    /// `ANNOTATIONS.json,IMAGES`, once or twice: the first comma behind `.json` divides, so that paths may hold commas themselves; only
    /// the first of two folders may not.
    private static func coco(_ paths: String) throws(DataError) -> DataSpec {
        func divided(_ text: Substring) -> (annotations: Substring, rest: Substring)? {
            guard let end = text.range(of: ".json,", options: .caseInsensitive), end.upperBound < text.endIndex else {
                return nil
            }
            return (text[..<text.index(before: end.upperBound)], text[end.upperBound...])
        }
        guard let (annotations, rest) = divided(paths[...]) else {
            throw DataError(
                .setting,
                problem: "the data specification \(DataError.quote("coco:" + paths)) is not an annotation file and a folder",
                remedy: "give coco:ANNOTATIONS.json,IMAGES, and as much for validation behind it or not")
        }
        guard let comma = rest.firstIndex(of: ","), let (others, images) = divided(rest[rest.index(after: comma)...]) else {
            return .coco(COCO.Source(annotations: String(annotations), images: String(rest)))
        }
        return .coco(
            COCO.Source(annotations: String(annotations), images: String(rest[..<comma])),
            validation: COCO.Source(annotations: String(others), images: String(images)))
    }

    /// The layout that lies at a path.
    private static func recognized(_ path: String) throws(DataError) -> DataSpec {
        guard let isFolder = Folder.isFolder(path) else {
            throw DataError(.missing, file: path, problem: "does not exist", remedy: "give \(forms)")
        }
        guard isFolder else {
            let lower = path.lowercased()
            if lower.hasSuffix(".csv") || lower.hasSuffix(".csv.gz") { return .csv(path) }
            if lower.hasSuffix(".txt") || lower.hasSuffix(".txt.gz") { return .text(path) }
            throw DataError(
                .unsupported, file: path, problem: "is a file of no known layout",
                remedy: "say how to read it, such as csv:\(path)")
        }
        if MNIST.isRecognized(path) { return .mnist(path) }
        if CIFAR10.isRecognized(path) { return .cifar10(path) }
        if PascalVOC.isRecognized(path) { return .voc(path) }
        if PairCorpus.isRecognized(path) { return .pairs(path) }
        if ImageFolder.isRecognized(path) { return .folder(path) }
        throw DataError(
            .unsupported, file: path, problem: "is a folder of no known layout",
            remedy: "give MNIST's or CIFAR-10's files, or a folder of PNG or JPEG files per class")
    }
}
