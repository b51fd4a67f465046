/// Numbers folded into one, for finding what was made for them before: a few instructions each. Different numbers may give the
/// same.
package struct Fold {
    package private(set) var value: UInt64 = 0

    package init() {}

    @inline(__always)
    package mutating func add(_ number: Int) {
        value = (value ^ UInt64(bitPattern: Int64(number))) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 32
    }

    package mutating func add(_ numbers: [Int]) {
        for number in numbers { add(number) }
        add(numbers.count)
    }
}
