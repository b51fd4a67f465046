/// Reads a CSV file's records into a table.
struct CSVTableBuilder {
    private var reader: CSVReader
    private let file: String
    private let options: CSVTable.Options
    private let names: [String]
    private let labelColumn: Int
    private let startsWithData: Bool
    private var values: [Float] = []
    private var targets: [Float] = []
    private var labelTexts: [String] = []

    /// Reads the first record, and with it what the columns are.
    init(_ reader: CSVReader, file: String, options: CSVTable.Options) throws(DataError) {
        var reader = reader
        guard try reader.advance() else {
            throw DataError(.damaged, file: file, problem: "holds no rows", remedy: "give a line for each sample")
        }
        let first = reader.fields.map { reader.text($0) }
        guard first.count >= 2 else {
            let other = [";": "semicolons", "\t": "tabs"].first { first[0].contains($0.key) }
            throw reader.problem(
                "there is only one column" + (other.map { " (fields between \($0.value)?)" } ?? ""),
                "give features and a label, separated by commas")
        }
        let hasNames = options.hasHeader == true
        let candidates = hasNames || options.hasHeader == nil ? first : []
        let column = try CSVTableBuilder.labelColumn(options.label, names: candidates, count: first.count, file: file)
        let features = reader.fields.indices.filter { $0 != column }
        let isHeader = options.hasHeader ?? features.contains { reader.number(reader.fields[$0]) == nil }
        self.reader = reader
        self.file = file
        self.options = options
        names = isHeader ? first : (1...first.count).map(String.init)
        labelColumn = column
        startsWithData = !isHeader
    }

    /// Reads the rest. What is wrong with a row goes to `report`.
    mutating func build(_ report: (DataError) throws(DataError) -> Void) throws(DataError) -> CSVTable {
        if startsWithData { try addRow(report) }
        while try reader.advance() { try addRow(report) }
        guard !labelTexts.isEmpty || !targets.isEmpty else {
            throw DataError(
                .damaged, file: file, problem: "holds column names and no rows", remedy: "give a line for each sample")
        }
        var features = names
        features.remove(at: labelColumn)
        let classNames = try sortedClasses()
        let positions = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, Int32($0)) })
        return CSVTable(
            featureNames: features, values: values, labels: labelTexts.compactMap { positions[$0] }, classNames: classNames,
            targets: targets)
    }

    private mutating func addRow(_ report: (DataError) throws(DataError) -> Void) throws(DataError) {
        let before = (values.count, targets.count, labelTexts.count)
        do throws(DataError) {
            try addRow()
        } catch {
            values.removeLast(values.count - before.0)
            targets.removeLast(targets.count - before.1)
            labelTexts.removeLast(labelTexts.count - before.2)
            try report(error)
        }
    }

    private mutating func addRow() throws(DataError) {
        guard reader.fields.count == names.count else {
            throw reader.problem(
                "has \(reader.fields.count) fields, where the first line has \(names.count)", "give every line as many")
        }
        for (column, field) in reader.fields.enumerated() {
            if column == labelColumn, !options.isRegression {
                guard !field.isEmpty else { throw reader.problem("the label (\(title(column))) is empty", "give a class") }
                labelTexts.append(reader.text(field))
                continue
            }
            guard let number = reader.number(field), number.isFinite else {
                let text = field.isEmpty ? "is empty" : "is \(DataError.quote(reader.text(field)))"
                throw reader.problem("\(title(column)) \(text)", "give a finite number")
            }
            if column == labelColumn { targets.append(number) } else { values.append(number) }
        }
    }

    private func title(_ column: Int) -> String {
        startsWithData ? "column \(column + 1)" : "column \(column + 1), \(DataError.quote(names[column])),"
    }

    private func sortedClasses() throws(DataError) -> [String] {
        let distinct = Set(labelTexts)
        let numbers = distinct.compactMap { text in Double(text).map { (text, $0) } }
        guard numbers.count == distinct.count else {
            return distinct.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        }
        if let odd = numbers.filter({ $0.1 != $0.1.rounded() || !$0.1.isFinite }).min(by: { $0.0 < $1.0 }) {
            throw DataError(
                .mismatch, file: file, problem: "its labels (\(title(labelColumn))) are numbers such as \(odd.0), not classes",
                remedy: "name another label column, or predict numbers (regression)")
        }
        return numbers.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
    }

    private static func labelColumn(_ label: String?, names: [String], count: Int, file: String) throws(DataError) -> Int {
        guard let label else { return count - 1 }
        if let position = names.firstIndex(of: label) { return position }
        if let number = Int(label), (1...count).contains(number) { return number - 1 }
        let known = names.isEmpty ? "a number from 1 to \(count)" : names.prefix(20).joined(separator: ", ")
        throw DataError(.setting, file: file, problem: "has no column \(DataError.quote(label))", remedy: "name one of: \(known)")
    }
}
