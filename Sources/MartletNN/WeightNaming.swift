/// A module whose weight files are found in more forms than one.
public protocol WeightNaming: Module {
    /// The module's own name for a tensor of a file: the same as a rule; nil for one that holds nothing the module needs.
    func ownName(ofStored name: String) -> String?
}
