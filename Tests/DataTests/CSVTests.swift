import Foundation
import MartletData
import Testing

@Suite struct CSVTests {
    private func read(_ text: String, _ options: CSVTable.Options = .init()) throws -> CSVTable {
        try withTemporaryFolder { folder throws in
            try write(Array(text.utf8), to: folder + "/t.csv")
            return try CSVTable.read(folder + "/t.csv", options: options)
        }
    }

    private func problem(_ text: String, _ options: CSVTable.Options = .init()) throws -> String? {
        let error = try dataError { _ = try read(text, options) }
        #expect(error?.description.contains("\n") != true)
        return error.map { "\($0.line.map { "\($0): " } ?? "")\($0.problem)" }
    }

    @Test func headersQuotesAndLineEnds() throws {
        let table = try read("\u{FEFF}\"length, cm\",width ,kind\r\n1.5, -2e1 ,\"a \"\"b\"\"\r\nc\"\r\n\r\n \"3\" ,+.25,z\r\n")
        #expect(table.featureNames == ["length, cm", "width"])
        #expect(table.values == [1.5, -20, 3, 0.25])
        #expect(table.classNames == ["a \"b\"\r\nc", "z"])
        #expect(table.labels == [0, 1])
    }

    @Test func headerIsRecognised() throws {
        #expect(try read("1,2,cat\n3,4,dog").rows == 2)
        #expect(try read("1,2,cat\n3,4,dog").featureNames == ["1", "2"])
        #expect(try read("a,b,c\n3,4,dog").rows == 1)
        #expect(try read("1,2,0\n3,4,1\n", .init(hasHeader: true)).rows == 1)
        #expect(try problem("a,b,c\n3,4,dog", .init(hasHeader: false)) == "1: column 1 is 'a'")
    }

    @Test func labelColumn() throws {
        let text = "kind,x,y\n2,1,5\n10,2,6\n2,3,7\n"
        let table = try read(text, .init(label: "kind"))
        #expect(table.classNames == ["2", "10"])
        #expect(table.labels == [0, 1, 0])
        #expect(table.values == [1, 5, 2, 6, 3, 7])
        #expect(try read(text, .init(label: "2")).featureNames == ["kind", "y"])
        #expect(try problem(text, .init(label: "size")) == "has no column 'size'")
        #expect(try problem(text, .init(label: "4")) == "has no column '4'")
        #expect(try read("1,b,0\n2,B,0\n3,a,1", .init(hasHeader: false, label: "2")).classNames == ["B", "a", "b"])
    }

    @Test func regression() throws {
        let table = try read("x,y\n1,0.5\n2,-3", .init(isRegression: true))
        #expect(table.targets == [0.5, -3] && table.labels.isEmpty && table.classNames.isEmpty)
        let batch = table.dataset(name: "t").all
        #expect(batch.targets == [0.5, -3] && batch.labels.isEmpty && batch.inputs == [1, 2])
        #expect(try problem("x,y\n1,0.5\n2,-3")?.contains("numbers such as 0.5, not classes") == true)
    }

    @Test(arguments: [
        ("x,y\n1,a\n,b", "3: column 1, 'x', is empty"), ("x,y\nnan,a", "2: column 1, 'x', is 'nan'"),
        ("x,y\n1,a\n-inf,a", "3: column 1, 'x', is '-inf'"), ("x,y\n1e999,a", "2: column 1, 'x', is '1e999'"),
        ("1,a\n2,a\nhello,b", "3: column 1 is 'hello'"), ("x,y\n1,a\n2,", "3: the label (column 2, 'y',) is empty"),
        ("x,y\n1,a,3", "2: has 3 fields, where the first line has 2"), ("x,y\n1", "2: has 1 fields, where the first line has 2"),
        ("x,y\n\"1,a", "2: a quoted field is not closed"), ("x,y\n\"1\"2,a", "2: text follows a closing quote"),
        ("", "holds no rows"),
        ("\n\n", "holds no rows"), ("x,y\n", "holds column names and no rows"),
        ("x;y\n1;2", "1: there is only one column (fields between semicolons?)"),
        ("1\n2\n", "1: there is only one column"), ("x,y\n\"1\n\n\",a\n0,a\n?,b", "2: column 1, 'x', is '1??'"),
    ])
    func badTablesAreRefused(text: String, expected: String) throws {
        #expect(try problem(text) == expected)
    }

    @Test func numbersAreRoundedOnce() {
        var random = SampleRandom(seed: 2)
        func parse(_ text: String) -> Float? { Array(text.utf8).withUnsafeBufferPointer { DecimalNumber.parse($0) } }
        for _ in 0..<20_000 {
            let digits = random.integer(below: 12) + 1
            var text = (0..<digits).map { _ in String(random.integer(below: 10)) }.joined()
            if random.integer(below: 2) == 0 {
                text.insert(".", at: text.index(text.startIndex, offsetBy: random.integer(below: digits + 1)))
            }
            if random.integer(below: 2) == 0 { text = "-" + text }
            let expected = Float(text.hasSuffix(".") ? text + "0" : text)
            if parse(text) != expected { Issue.record("\(text) is read as \(String(describing: parse(text)))") }
        }
        for text in ["", "-", ".", "1.2.3", "1-", "--1", "1e", "0x", "1 2", "１"] { #expect(parse(text) == nil, "\(text)") }
        #expect(parse("-0")?.sign == .minus)
    }

    @Test func standardizing() throws {
        var table = try read("1,7,a\n3,7,b\n100,7,a\n")
        let normalization = try table.standardize(over: [0, 1])
        #expect(normalization.mean == [2, 7] && normalization.std == [1, 1])
        #expect(table.values == [-1, 0, 1, 0, 98, 0])
        try withTemporaryFolder { folder throws in
            let rows = (0..<50).map { "\($0),\($0 % 2)" }.joined(separator: "\n")
            try write(gzipped(Array(rows.utf8)), to: folder + "/t.csv.gz")
            let splits = try DataSpec.parse(folder + "/t.csv.gz").load(DataOptions(standardize: true, validation: 0.1, seed: 3))
            #expect(splits.training.count == 45 && splits.validation?.count == 5)
            let values = try splits.training.batch(of: Array(0..<45)).inputs
            #expect(abs(values.reduce(0, +)) < 1e-4 && abs(values.map { $0 * $0 }.reduce(0, +) / 45 - 1) < 1e-5)
            #expect(splits.normalization?.mean.count == 1)
        }
    }

    @Test func damageNeverTraps() throws {
        let whole = Array("a,\"b,\"\"c\",label\r\n1,2.5,x\r\n-3,4e2,\"y\"\r\n5,6,x\r\n".utf8)
        try withTemporaryFolder { folder throws in
            for damaged in damaged(whole, cuts: whole.count, flips: 2000) {
                try write(damaged, to: folder + "/t.csv")
                if let table = try? CSVTable.read(folder + "/t.csv") {
                    #expect(table.values.count == table.rows * table.featureNames.count && table.values.allSatisfy(\.isFinite))
                    #expect(table.labels.count == table.rows)
                }
            }
        }
    }
}
