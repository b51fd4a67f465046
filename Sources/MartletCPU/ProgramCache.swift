/// Placeholder until pointwise lands.
final class ProgramCache: Sendable {}
