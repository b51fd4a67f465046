/// How to read what a `DataSpec` names. What does not apply to a kind of data is refused.
public struct DataOptions: Sendable {
    /// The width and height of images; nil keeps the stored size, and is 224 for folders of photos.
    public var imageSize: Int?
    /// What the shorter side of a photo is resized to before its middle is cut out; nil for 8/7 of the size.
    public var shortSide: Int?
    /// 1 (grey) or 3 (RGB) for folders of photos; nil for 3.
    public var channels: Int?
    /// Applied to the values of images in 0...1.
    public var normalization: ChannelNormalization?
    /// How photos are resized; nil for bilinear.
    public var interpolation: Interpolation?
    /// Whether large photos may be decoded at a part of their size; see `ImagePreparation.decodesFast`.
    public var decodesFast: Bool
    /// What becomes of photos that cannot be read.
    public var badPhotos: BadPhotos
    /// What the columns of a CSV file mean.
    public var csv: CSVTable.Options
    /// Whether the features of a CSV file are scaled to mean 0 and standard deviation 1 over the training part.
    public var standardize: Bool
    /// The share of the training part that is held out for validation where the data has no such part; nil for the data's custom:
    /// every fifth row of `digits`, a fifth of a CSV file or of images without parts, drawn by `seed`; none of MNIST and
    /// CIFAR-10.
    public var validation: Double?
    /// What the validation part is drawn by.
    public var seed: Int

    public init(
        imageSize: Int? = nil, shortSide: Int? = nil, channels: Int? = nil, normalization: ChannelNormalization? = nil,
        interpolation: Interpolation? = nil, decodesFast: Bool = false, badPhotos: BadPhotos = .unchecked,
        csv: CSVTable.Options = CSVTable.Options(), standardize: Bool = false, validation: Double? = nil, seed: Int = 0
    ) {
        self.imageSize = imageSize
        self.shortSide = shortSide
        self.channels = channels
        self.normalization = normalization
        self.interpolation = interpolation
        self.decodesFast = decodesFast
        self.badPhotos = badPhotos
        self.csv = csv
        self.standardize = standardize
        self.validation = validation
        self.seed = seed
    }
}

extension DataSpec {
    /// Reads the data (photos are listed now and read later). Throws one line on the first thing wrong.
    public func load(_ options: DataOptions = DataOptions()) throws(DataError) -> DatasetSplits {
        try refuseWhatDoesNotApply(options)
        switch self {
        case .digits:
            let digits = try Digits(size: options.imageSize ?? Digits.storedSize, normalization: options.normalization)
            let parts: (training: Subset<Digits>, validation: Subset<Digits>)
            if let fraction = options.validation {
                parts = try digits.split(validation: fraction, seed: options.seed)
            } else {
                parts = try digits.split()
            }
            var splits = try DatasetSplits(training: parts.training, validation: parts.validation)
            splits.normalization = options.normalization
            return splits
        case .mnist(let path):
            let splits = try MNIST.load(path, size: options.imageSize, normalization: options.normalization)
            return try splits.holdingOut(options.validation, seed: options.seed)
        case .cifar10(let path):
            let splits = try CIFAR10.load(path, size: options.imageSize, normalization: options.normalization)
            return try splits.holdingOut(options.validation, seed: options.seed)
        case .folder(let path):
            let splits = try ImageFolder.load(path, preparation: DataSpec.photoPreparation(options), bad: options.badPhotos)
            let isWhole = splits.validation == nil && splits.test == nil
            return try splits.holdingOut(options.validation ?? (isWhole ? 0.2 : nil), seed: options.seed)
        case .csv(let path):
            return try DataSpec.table(path, options)
        case .scenes, .voc, .coco:
            throw DataError(
                .setting, problem: "the data \(self) has boxes, not a class an image",
                remedy: "give it to a detection model, such as faster-rcnn")
        case .text, .pairs:
            throw DataError(
                .mismatch, problem: "the data \(self) is text, where samples with classes are wanted",
                remedy: "give it to \(isPairs ? "transformer" : "lstm or gpt"), or give this model images or a table")
        }
    }

    private var isPairs: Bool { if case .pairs = self { true } else { false } }

    /// How photos are brought to what the options ask for.
    static func photoPreparation(_ options: DataOptions) throws(DataError) -> ImagePreparation {
        try ImagePreparation(
            size: options.imageSize ?? 224, shortSide: options.shortSide, channels: options.channels ?? 3,
            normalization: options.normalization, interpolation: options.interpolation ?? .bilinear,
            decodesFast: options.decodesFast)
    }

    private static func table(_ path: String, _ options: DataOptions) throws(DataError) -> DatasetSplits {
        var table = try CSVTable.read(path, options: options.csv)
        let rows = try table.dataset(name: path).split(validation: options.validation ?? 0.2, seed: options.seed)
        let normalization = options.standardize ? try table.standardize(over: rows.training.rows) : nil
        let data = table.dataset(name: path)
        var splits = try DatasetSplits(
            training: Subset(data, rows: rows.training.rows, name: rows.training.name),
            validation: Subset(data, rows: rows.validation.rows, name: rows.validation.name))
        splits.normalization = normalization
        return splits
    }

    func refuseWhatDoesNotApply(_ options: DataOptions) throws(DataError) {
        func refuse(_ isGiven: Bool, _ name: String, _ isMeant: Bool, _ place: String) throws(DataError) {
            guard !isGiven || isMeant else {
                throw DataError(
                    .setting, problem: "\(name) does not apply to the data \(self)", remedy: "leave it out; it is for \(place)")
            }
        }
        var isTable = false, isPhotos = false
        if case .csv = self { isTable = true }
        if case .folder = self { isPhotos = true }
        try refuse(options.imageSize != nil, "an image size", !isTable, "images")
        try refuse(options.normalization != nil, "a mean and std of images", !isTable, "images")
        try refuse(options.shortSide != nil, "a short side", isPhotos, "folder:DIR")
        try refuse(options.channels != nil, "a number of channels", isPhotos, "folder:DIR")
        try refuse(options.interpolation != nil, "an interpolation", isPhotos, "folder:DIR")
        try refuse(options.decodesFast, "fast decoding", isPhotos, "folder:DIR")
        try refuse(options.standardize, "standardising", isTable, "csv:FILE")
        try refuse(options.csv.label != nil, "a label column", isTable, "csv:FILE")
        try refuse(options.csv.hasHeader != nil, "a header", isTable, "csv:FILE")
        try refuse(options.csv.isRegression, "regression", isTable, "csv:FILE")
    }
}

extension DatasetSplits {
    /// With this share of the training part held out for validation; as it is for nil, or where it has a validation part.
    func holdingOut(_ fraction: Double?, seed: Int) throws(DataError) -> DatasetSplits {
        guard let fraction else { return self }
        guard validation == nil else {
            throw DataError(
                .setting, file: training.name, problem: "a validation share is given, but the data has a validation part",
                remedy: "leave the share out")
        }
        return try split(training, fraction, seed)
    }

    private func split(_ data: some Dataset, _ fraction: Double, _ seed: Int) throws(DataError) -> DatasetSplits {
        let parts = try data.split(validation: fraction, seed: seed)
        var result = try DatasetSplits(training: parts.training, validation: parts.validation, test: test)
        result.normalization = normalization
        result.leftOut = leftOut
        return result
    }
}
