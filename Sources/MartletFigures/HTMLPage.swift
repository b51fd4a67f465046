/// A page of sections with text, figures and tables; one file that opens without a network, light or dark as the reader likes.
///
/// Text is plain but for three signs: `*emphasis*`, `**strong**` and `` `code` ``.
public struct HTMLPage: Sendable {
    public enum Block: Sendable {
        case text(String)
        /// Stands out from the text: what to take home.
        case note(String)
        case list([String])
        case figure(any Figure, caption: String = "")
        /// Side by side where there is room.
        case figures([any Figure], caption: String = "")
        /// A PNG file's bytes.
        case image(png: [UInt8], width: Int, caption: String = "")
        /// The first cell of each row is its heading; the others are set as numbers.
        case table(header: [String], rows: [[String]], caption: String = "")
        /// Kept as it is, lines and all.
        case code(String)
    }

    public struct Section: Sendable {
        public var title: String
        public var blocks: [Block]

        public init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    public var title: String
    /// Below the title: what the page is about.
    public var lead: String
    public var sections: [Section]

    public init(_ title: String, lead: String = "", _ sections: [Section] = []) {
        self.title = title
        self.lead = lead
        self.sections = sections
    }

    /// The whole document.
    public var html: String {
        let parts = sections.map { section in
            "<section>\n" + (section.title.isEmpty ? "" : "<h2>\(SVG.escaped(section.title))</h2>\n")
                + section.blocks.map(Self.markup).joined(separator: "\n") + "\n</section>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(SVG.escaped(title))</title>
            <style>\(Self.style)</style></head>
            <body><main>
            <h1>\(SVG.escaped(title))</h1>
            \(lead.isEmpty ? "" : "<p class=\"lead\">\(Self.inline(lead))</p>")
            \(parts.joined(separator: "\n"))
            </main></body></html>

            """
    }

    private static func markup(_ block: Block) -> String {
        switch block {
        case .text(let text): "<p>\(inline(text))</p>"
        case .note(let text): "<p class=\"note\">\(inline(text))</p>"
        case .list(let items): "<ul>\(items.map { "<li>\(inline($0))</li>" }.joined())</ul>"
        case .code(let text): "<pre>\(SVG.escaped(text))</pre>"
        case .figure(let figure, let caption): enclosed(picture(figure), caption)
        case .figures(let figures, let caption): enclosed("<div class=\"row\">\(figures.map(picture).joined())</div>", caption)
        case .image(let png, let width, let caption):
            enclosed("<img alt=\"\(SVG.escaped(caption))\" width=\"\(width)\" src=\"\(dataURI(png))\">", caption)
        case .table(let header, let rows, let caption): enclosed(table(header, rows), caption)
        }
    }

    private static func picture(_ figure: any Figure) -> String {
        let size = figure.size
        return
            "<svg viewBox=\"0 0 \(SVG.text(size.width)) \(SVG.text(size.height))\" style=\"max-width:\(SVG.text(size.width))px\" "
            + "role=\"img\" aria-label=\"\(SVG.escaped(figure.title))\" font-size=\"12\">\(figure.content)</svg>"
    }

    private static func enclosed(_ content: String, _ caption: String) -> String {
        "<figure>\(content)\(caption.isEmpty ? "" : "<figcaption>\(inline(caption))</figcaption>")</figure>"
    }

    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        let head = header.isEmpty ? "" : "<thead><tr>\(header.map { "<th>\(inline($0))</th>" }.joined())</tr></thead>"
        let body = rows.map { row in "<tr>\(row.map { "<td>\(inline($0))</td>" }.joined())</tr>" }.joined(separator: "\n")
        return "<table>\(head)<tbody>\(body)</tbody></table>"
    }

    /// Escaped text with its signs turned into elements; a sign without its partner stays as it is.
    static func inline(_ text: String) -> String {
        var result = "", rest = SVG.escaped(text)[...]
        while let start = rest.firstIndex(where: { $0 == "`" || $0 == "*" }) {
            result += rest[..<start]
            let sign = rest[start...].hasPrefix("**") ? "**" : String(rest[start])
            let after = rest[rest.index(start, offsetBy: sign.count)...]
            let name = sign == "`" ? "code" : sign == "*" ? "em" : "strong"
            if let end = after.firstRange(of: sign), !end.lowerBound.isAtStart(of: after), after.first != " " {
                result += "<\(name)>\(after[..<end.lowerBound])</\(name)>"
                rest = after[end.upperBound...]
            } else {
                result += sign
                rest = after
            }
        }
        return result + rest
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1f2328;--soft:#59626d;--line:#e3e6ea;--paper:#fff;--card:#f5f7f9;--mark:#0072b2}
        @media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#333a44;--paper:#14171c;--card:#1d2127;--mark:#4fb0e8}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 \(SVG.font)}
        main{max-width:64rem;margin:0 auto;padding:3rem 1.25rem 5rem}
        h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 .6rem}
        h2{font-size:1.35rem;line-height:1.3;letter-spacing:-.01em;margin:3rem 0 .6rem;padding-top:1.2rem;border-top:1px solid var(--line)}
        p,ul{max-width:44rem;margin:.8rem 0}
        .lead{font-size:1.12rem;color:var(--soft)}
        .note{border-left:3px solid var(--mark);background:var(--card);padding:.7rem 1rem;border-radius:0 6px 6px 0}
        figure{margin:1.4rem 0}
        figure svg{width:100%;height:auto;display:block;font-family:inherit}
        figure img{max-width:100%;height:auto;border-radius:4px}
        figcaption{color:var(--soft);font-size:.9rem;line-height:1.5;margin-top:.4rem;max-width:44rem}
        .row{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start}
        .row svg{flex:1 1 18rem}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem;display:block;overflow-x:auto}
        th,td{padding:.35rem .9rem .35rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
        th{color:var(--soft);font-weight:600}
        th:first-child,td:first-child{text-align:left}
        code,pre{font-family:ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono',monospace;font-size:.9em}
        code{background:var(--card);padding:.1em .3em;border-radius:4px}
        pre{background:var(--card);padding:1rem;border-radius:6px;overflow-x:auto}
        \(SVG.style)
        """
}

extension Substring.Index {
    fileprivate func isAtStart(of text: Substring) -> Bool { self == text.startIndex }
}
