"""Local-memory bank conflicts, by working out the address of every lane from PTX.

PTX as LLVM writes it assigns nearly every register once. The value of an address is worked out backwards: lane numbers are
known, kernel arguments and what is read from memory count as 0, and a register that a loop changes counts as it first is:
addresses that differ between lanes by no more than that stay as far apart.
"""

import re

BANKS = 32
LANES = 64


class Unknown(Exception):
    """An instruction that the evaluation does not know, or an address that depends on data."""


def entry(text, name):
    """The body of a kernel, with the line that requires a work-group's size."""
    begin = re.search(rf"\.entry {re.escape(name)}\(", text)
    if not begin:
        return ""
    end = text.find("\n}\n", begin.start())
    return text[begin.start():end if end >= 0 else len(text)]


def threads(body):
    """The work-group's required size, or None."""
    size = re.search(r"\.reqntid (\d+)(?:, (\d+))?(?:, (\d+))?", body)
    return tuple(int(n or 1) for n in size.groups()) if size else None


def _signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _operation(name, bits, a):
    """The result of an integer instruction; `a` are its inputs."""
    kind = name.split(".")
    signed = any(part[0] == "s" and part[1:].isdigit() for part in kind)
    value = [(_signed(x, bits) if signed else x & ((1 << bits) - 1)) for x in a]
    op = kind[0]
    if op in ("mov", "cvta", "cvt"):
        return value[0]
    if op in ("add", "sub"):
        return value[0] + value[1] if op == "add" else value[0] - value[1]
    if op == "mul":
        return value[0] * value[1] >> (bits if "hi" in kind else 0)
    if op == "mad":
        return value[0] * value[1] + (a[2] if "wide" in kind else value[2])
    if op == "shl":
        return value[0] << (a[1] & 63) if a[1] < bits else 0
    if op == "shr":
        return value[0] >> min(a[1], bits)
    if op in ("and", "or", "xor"):
        return {"and": value[0] & value[1], "or": value[0] | value[1], "xor": value[0] ^ value[1]}[op]
    if op == "not":
        return ~value[0]
    if op == "neg":
        return -value[0]
    if op in ("div", "rem"):
        if value[1] == 0:
            raise Unknown("division by an argument")
        return value[0] // value[1] if op == "div" else value[0] % value[1]
    if op in ("min", "max"):
        return min(value) if op == "min" else max(value)
    if op == "selp":
        return value[0] if a[2] else value[1]
    if op == "setp":
        x, y = value[:2]
        results = {"eq": x == y, "ne": x != y, "lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y,
                   "lo": x < y, "ls": x <= y, "hi": x > y, "hs": x >= y}
        return int(results[kind[1]])
    if op == "bfe":
        return value[0] >> a[1] & ((1 << a[2]) - 1)
    raise Unknown(name)


class _Evaluation:
    def __init__(self, body, size):
        self.size = size
        self.definitions = {}
        self.lane = 0
        self.values = {}
        self.known = {}
        for line in body.splitlines():
            code = re.match(r"\s*(?:@!?%p\d+ )?([a-z][\w.:]*)\s+(%\w+),\s*(.*);", line)
            if code:
                self.definitions.setdefault(code.group(2), (code.group(1), [o.strip() for o in code.group(3).split(",")]))

    def value(self, operand):
        if not operand.startswith("%"):
            try:
                return int(operand, 0)
            except ValueError:
                return 0  # the base of an array
        if operand.startswith("%tid."):
            x, y, _ = self.size
            return {"x": self.lane % x, "y": self.lane // x % y, "z": self.lane // (x * y)}[operand[5]]
        if operand.startswith("%ntid."):
            return self.size["xyz".index(operand[6])]
        if operand.startswith(("%ctaid", "%nctaid")):
            return 0
        if operand in self.values:
            return self.values[operand]
        self.values[operand] = 0  # a register that depends on itself is one that a loop changes
        if operand not in self.definitions:
            raise Unknown(operand)
        name, operands = self.definitions[operand]
        if name.startswith("ld.param"):
            result = 0
        elif name.startswith("ld"):
            raise Unknown("an address read from memory")
        else:
            bits = re.findall(r"\.[subf](\d+)", name)
            result = _operation(name, int(bits[-1]) if bits else 1, [self.value(o) for o in operands])
        self.values[operand] = result
        return result

    def addresses(self, register, offset):
        """Of the first lanes; those that follow lie the same way."""
        result = []
        for lane in range(min(self.size[0] * self.size[1] * self.size[2], LANES)):
            self.lane = lane
            self.values = self.known.setdefault(lane, {})
            result.append(self.value(register) + offset)
        return result


def conflict(addresses, bits):
    """How often the most wanted bank is asked at a time: 1 is none.

    Lanes that move 4 bytes each are served 32 at a time, 8 bytes 16, 16 bytes 8; the same word is read once for all.
    """
    together = 1024 // max(bits, 32)
    worst = 1
    for start in range(0, len(addresses), together):
        words = {a // 4 + w for a in addresses[start:start + together] for w in range(max(bits // 32, 1))}
        banks = [0] * BANKS
        for word in words:
            banks[word % BANKS] += 1
        worst = max(worst, *banks)
    return worst


def accesses(body, size):
    """Every access of local memory: (kind, bits, conflict), conflict None where the addresses depend on data."""
    evaluation = _Evaluation(body, size)
    found = []
    pattern = r"(ld|st)\.shared(?:\.(v[24]))?\.[a-z](\d+)\s+[^\[\n]*\[([%\w$]+)(?:\+(-?\d+))?\]"
    for kind, vector, bits, register, offset in re.findall(pattern, body):
        width = int(bits) * int(vector[1:] or 1) if vector else int(bits)
        try:
            degree = conflict(evaluation.addresses(register, int(offset or 0)), width)
        except Unknown:
            degree = None
        found.append(("local load" if kind == "ld" else "local store", width, degree))
    return found
