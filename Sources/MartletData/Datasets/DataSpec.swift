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

    /// The forms that are read.
    public static let forms =
        "digits, mnist:DIR, cifar10:DIR, folder:DIR, csv:FILE, text:FILE, pairs:DIR, or a path of one of these layouts"

    /// Forms whose models are not there yet.
    private static let laterForms = [
        "scenes": "detection", "voc": "detection", "coco": "detection",
    ]

    /// Reads a specification: a form of `forms`. A bare path is recognised by what lies there. Throws where the form is
    /// unknown or the path is not recognised.
    public static func parse(_ text: String) throws(DataError) -> DataSpec {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let scheme = parts.first ?? ""
        if parts.count == 1 {
            if text == "digits" { return .digits }
            if laterForms[text] != nil, Folder.isFolder(text) == nil { throw notYet(text) }
            guard !text.isEmpty else {
                throw DataError(.setting, problem: "the data specification is empty", remedy: "give \(forms)")
            }
            return try recognized(text)
        }
        let path = parts[1]
        let known: [String: (String) -> DataSpec] = [
            "mnist": { .mnist($0) }, "cifar10": { .cifar10($0) }, "folder": { .folder($0) }, "csv": { .csv($0) },
            "text": { .text($0) }, "pairs": { .pairs($0) },
        ]
        if let make = known[scheme] {
            guard !path.isEmpty else {
                throw DataError(
                    .setting, problem: "the data specification \(DataError.quote(text)) lacks its path", remedy: "give \(forms)")
            }
            return make(path)
        }
        if laterForms[scheme] != nil { throw notYet(scheme) }
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
        case .text(let path): return .text(whole(path))
        case .pairs(let path): return .pairs(whole(path))
        }
    }

    private static func notYet(_ scheme: String) -> DataError {
        DataError(
            .unsupported,
            problem: "data of the kind \(DataError.quote(scheme)) is for \(laterForms[scheme] ?? ""), which is not there yet",
            remedy: "give \(forms)")
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
        if Folder.isFolder(path + "/Annotations") == true, Folder.isFolder(path + "/JPEGImages") == true { throw notYet("voc") }
        if PairCorpus.isRecognized(path) { return .pairs(path) }
        if ImageFolder.isRecognized(path) { return .folder(path) }
        throw DataError(
            .unsupported, file: path, problem: "is a folder of no known layout",
            remedy: "give MNIST's or CIFAR-10's files, or a folder of PNG or JPEG files per class")
    }
}
