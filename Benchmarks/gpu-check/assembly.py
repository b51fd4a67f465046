"""What the two assembly readers have in common: instructions, control flow, loops, and a count of the loop over k."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Instruction:
    """One instruction as the checks see it."""

    kind: str  # 'fma', 'alu', 'local load', 'local store', 'global load', 'global store', 'spill', 'barrier', 'divide', ...
    bits: int = 0  # width of a memory access
    dual: bool = False  # two multiply-adds in one issue slot
    branch: str = ""  # label that a branch goes to
    falls: bool = True  # whether the next instruction may follow


@dataclass
class Kernel:
    name: str
    instructions: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)
    registers: int = 0
    local_bytes: int = 0
    scratch_bytes: int = 0
    spills: int = 0
    occupancy: int = 0  # waves (warps) a SIMD (partition) may hold
    unresolved: list = field(default_factory=list)

    def blocks(self):
        """Starts of the basic blocks, and the blocks that may follow each."""
        starts = {0} | set(self.labels.values())
        for at, instruction in enumerate(self.instructions):
            if instruction.branch or not instruction.falls:
                starts.add(at + 1)
        starts = sorted(s for s in starts if s < len(self.instructions))
        ends = starts[1:] + [len(self.instructions)]
        number = {start: index for index, start in enumerate(starts)}
        following = []
        for start, end in zip(starts, ends):
            targets = set()
            last = self.instructions[end - 1]
            if last.branch in self.labels and self.labels[last.branch] in number:
                targets.add(number[self.labels[last.branch]])
            if last.falls and end in number:
                targets.add(number[end])
            following.append(targets)
        return list(zip(starts, ends)), following

    def loops(self):
        """The natural loops, as sets of block numbers."""
        blocks, following = self.blocks()
        if not blocks:
            return blocks, []
        preceding = [set() for _ in blocks]
        for block, targets in enumerate(following):
            for target in targets:
                preceding[target].add(block)
        everything = set(range(len(blocks)))
        dominators = [{0}] + [set(everything) for _ in blocks[1:]]
        changed = True
        while changed:
            changed = False
            for block in range(1, len(blocks)):
                before = [dominators[p] for p in preceding[block]]
                new = (set.intersection(*before) if before else set()) | {block}
                if new != dominators[block]:
                    dominators[block] = new
                    changed = True
        loops = {}
        for tail, targets in enumerate(following):
            for head in targets & dominators[tail]:
                body, pending = {head}, [tail]
                while pending:
                    block = pending.pop()
                    if block not in body:
                        body.add(block)
                        pending += preceding[block]
                loops.setdefault(head, set()).update(body)
        return blocks, list(loops.values())

    def product_step(self, multiply_adds):
        """Instructions of one pass of the loop over k, which does `multiply_adds` of them a work-item.

        That loop is the smallest one that loads from global memory and multiplies; what a loop within it repeats counts as often
        as it takes to come to `multiply_adds`. Returns a Counter of instructions, the loop's list, or None where there is none.
        """
        blocks, loops = self.loops()

        def listed(body):
            return [i for b in sorted(body) for i in self.instructions[slice(*blocks[b])]]

        steps = [loop for loop in loops if {"global load", "fma"} <= {i.kind for i in listed(loop)}]
        if not steps:
            return None
        step = min(steps, key=len)
        inner = [loop for loop in loops if loop < step and any(i.kind == "fma" for i in listed(loop))]
        repeated = min(inner, key=len) if inner else set()
        outside, inside = listed(step - repeated), listed(repeated)
        rest = multiply_adds - sum(1 + i.dual for i in outside if i.kind == "fma")
        once = sum(1 + i.dual for i in inside if i.kind == "fma")
        count = Counter()
        for i in outside:
            count[(i.kind, i.bits, i.dual)] += 1
        for i in inside:
            count[(i.kind, i.bits, i.dual)] += rest / once
        return count, listed(step)

    def inner_loops(self, multiply_adds):
        """Instructions of the loops without a loop within them that do at least so many multiply-adds, one pass of each; None where
        there is none."""
        blocks, loops = self.loops()
        count = Counter()
        for loop in loops:
            listed = [i for b in sorted(loop) for i in self.instructions[slice(*blocks[b])]]
            if any(inner < loop for inner in loops) or sum(i.kind == "fma" for i in listed) < multiply_adds:
                continue
            for i in listed:
                count[(i.kind, i.bits, i.dual)] += 1
        return count or None


def total(count, kinds, key=lambda bits, dual: 1):
    """Sum over the instructions of some kinds of a function of their width and duality."""
    return sum(number * key(bits, dual) for (kind, bits, dual), number in count.items() if kind in kinds)


def share_of(count, kind, bits):
    """Share of the bytes of one kind of access that move in vectors of at least `bits`; None where there is none."""
    every = total(count, [kind], lambda width, _: width)
    wide = sum(number * width for (k, width, _), number in count.items() if k == kind and width >= bits)
    return wide / every if every else None
