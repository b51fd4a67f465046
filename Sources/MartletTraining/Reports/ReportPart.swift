import MartletFigures

/// A part of a run's report that its task adds: figures, which also become files in the run's folder.
public struct ReportPart: Sendable {
    public struct Item: Sendable {
        /// Of the file, without its ending.
        public var name: String
        public var figure: any Figure
        public var caption: String

        public init(_ name: String, _ figure: any Figure, caption: String = "") {
            self.name = name
            self.figure = figure
            self.caption = caption
        }
    }

    public var title: String
    public var text: String
    public var items: [Item]

    public init(_ title: String, text: String = "", _ items: [Item]) {
        self.title = title
        self.text = text
        self.items = items
    }

    /// As a section of a page.
    public var section: HTMLPage.Section {
        HTMLPage.Section(
            title, (text.isEmpty ? [] : [.text(text)]) + items.map { .figure($0.figure, caption: $0.caption) })
    }
}
