import Glibc
import Synchronization

/// Whether the program was asked to stop: Ctrl-C or SIGTERM. The first is remembered for training to save and leave; a second
/// Ctrl-C ends the program at once.
public enum Interrupts {
    private static let received = Atomic<Int32>(0)

    /// Begins to listen. Call it before other threads are started: they take over what it unblocks.
    public static func listen() {
        // A parent may have blocked them, as worker threads of Dispatch do for what they start.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        sigaddset(&wanted, SIGINT)
        sigaddset(&wanted, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let (stored, _) = Interrupts.received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
                if !stored, number == SIGINT { _exit(130) }
            }
        }
    }

    /// The signal received; nil where there was none.
    public static var current: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }
}
