"""Predicts the speed of product kernels on named cards from their instructions. Every figure is a prediction."""

from dataclasses import dataclass

from assembly import total


@dataclass
class Card:
    """Makers' figures of a card."""

    name: str
    units: int  # compute units or multiprocessors
    clock: float  # Hz
    bandwidth: float  # bytes a second
    simds: int  # SIMDs of a unit, each with waves of its own
    lanes: int  # of a wave
    cycles: int  # of a SIMD for a multiply-add of a wave
    other_cycles: int  # for any other vector instruction
    separate: bool  # whether other instructions run beside multiply-adds, sharing only the issue slot
    dual: bool  # whether an instruction may hold two multiply-adds


# 128 bytes a cycle of local memory a unit; about 700 cycles from a load of global memory to its use, 8 us a launch.
LOCAL_BYTES, LATENCY, LAUNCH = 128, 700, 8e-6

CARDS = {
    "gfx1100": Card("RX 7900 XTX", 96, 2.5e9, 960e9, 2, 32, 1, 1, False, True),
    "gfx90a": Card("MI210", 104, 1.7e9, 1.6e12, 4, 64, 4, 4, False, True),
    "sm_80": Card("A100", 108, 1.41e9, 1.555e12, 4, 32, 2, 2, True, False),
    "sm_90": Card("H100", 132, 1.83e9, 3.35e12, 4, 32, 1, 2, True, False),
}


def peak(card):
    """Floating-point operations a second, as the maker counts them."""
    return card.units * card.clock * card.simds * card.lanes / card.cycles * (2 if card.dual else 1) * 2


def is_prefetched(listing):
    """Whether products come between the loads of global memory and the stores to local memory that wait for them."""
    kinds = [i.kind for i in listing]
    if "global load" not in kinds or "local store" not in kinds:
        return False
    last = max(at for at, kind in enumerate(kinds) if kind == "global load")
    for step in range(1, len(kinds)):
        kind = kinds[(last + step) % len(kinds)]
        if kind == "fma":
            return True
        if kind == "local store":
            return False
    return False


def product(target, kernel, step, tile, threads, conflicts, size=4096):
    """Predicted seconds and operations a second of a square product of `size`.

    `tile` is (rows, columns, depths) of a work-group, `conflicts` the most banks asked at a time by kind of access.
    """
    card = CARDS[target]
    count, listing = step
    waves = (threads + card.lanes - 1) // card.lanes
    groups = max(kernel.occupancy * card.simds // waves, 1)
    multiply_adds, other = total(count, ["fma"]), total(count, ["alu", "divide"])
    if card.separate:
        every = sum(count.values())
        vector = max(multiply_adds * card.cycles, other * card.other_cycles, every)
    else:
        vector = multiply_adds * card.cycles + other * card.other_cycles
    local = sum(
        number * bits / 8 * card.lanes / LOCAL_BYTES * conflicts.get(kind, 1)
        for (kind, bits, _), number in count.items() if kind in ("local load", "local store"))
    cycles = max(vector * waves / card.simds, local * waves)
    if not is_prefetched(listing):
        cycles += LATENCY / groups
    rows, columns, depths = tile
    tiles = -(-size // rows) * -(-size // columns)
    rounds = -(-tiles // card.units)
    seconds = max(rounds * -(-size // depths) * cycles / card.clock, 3 * size * size * 4 / card.bandwidth) + LAUNCH
    return seconds, 2 * size**3 / seconds
