/// Stops the program for a mistake in the calling code, naming the operation and the caller's place, in release builds too.
package func misuse(_ operation: String, _ what: @autoclosure () -> String, _ file: StaticString, _ line: UInt) -> Never {
    fatalError("\(operation): \(what())", file: file, line: line)
}

/// As `misuse`, unless the condition holds.
package func require(
    _ condition: Bool, _ operation: String, _ what: @autoclosure () -> String,
    _ file: StaticString, _ line: UInt
) {
    if !condition { misuse(operation, what(), file, line) }
}
