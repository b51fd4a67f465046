"""Reads what ptxas says of a module, and NVIDIA machine code as nvdisasm writes it."""

import re

from assembly import Instruction, Kernel

# Warps a multiprocessor holds, registers, bytes of local memory.
LIMITS = {"sm_80": (64, 65536, 167936), "sm_90": (64, 65536, 233472)}
CONTROL = {"NOP", "BSSY", "BSYNC", "WARPSYNC", "S2R", "S2UR", "CS2R", "DEPBAR", "LDGDEPBAR", "LDC", "ULDC", "YIELD",
           "MEMBAR", "ERRBAR", "CCTL", "PLOP3", "VOTE", "R2UR", "KILL", "BREAK", "BMOV"}


def width(parts):
    return next((int(p) for p in parts if p in ("64", "128")), 8 if "U8" in parts or "S8" in parts else
                16 if "U16" in parts or "S16" in parts else 32)


def instruction(text):
    """One instruction, without address and semicolon."""
    predicate = re.match(r"@!?U?P\w+ ", text)
    if predicate:
        text = text[predicate.end():]
    mnemonic, _, operands = text.partition(" ")
    parts = mnemonic.split(".")
    name = parts[0]
    if name in ("BRA", "BRX", "JMP"):
        target = re.search(r"\((\.L_x_\d+)\)", operands)
        return Instruction("branch", branch=target.group(1) if target else "?", falls=bool(predicate))
    if name in ("EXIT", "RET"):
        return Instruction("control", falls=bool(predicate))
    if name == "CALL":
        return Instruction("call")
    if name == "BAR":
        return Instruction("barrier")
    if name in ("LDS", "LDSM"):
        return Instruction("local load", width(parts))
    if name == "STS":
        return Instruction("local store", width(parts))
    if name in ("LDG", "LD"):
        return Instruction("global load", width(parts))
    if name in ("STG", "ST"):
        return Instruction("global store", width(parts))
    if name in ("LDL", "STL"):
        return Instruction("spill", width(parts))
    if name in ("ATOM", "ATOMG", "ATOMS", "RED"):
        return Instruction("float atomic" if any("F32" in p for p in parts) else "atomic")
    if name == "FFMA":
        return Instruction("fma")
    if name == "MUFU" and any(p.startswith("RCP") for p in parts[1:]):
        return Instruction("divide")
    if name in CONTROL or name.startswith("U"):
        return Instruction("scalar")
    return Instruction("alu")


def kernels(target, log, text):
    """The kernels of a module: `log` from ptxas -v, `text` from nvdisasm -c."""
    found = {}
    current = None
    for line in log.splitlines():
        entry = re.search(r"Compiling entry function '(\S+)'", line)
        if entry:
            current = found[entry.group(1)] = Kernel(entry.group(1))
        if current is None:
            continue
        stack = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line)
        if stack:
            current.scratch_bytes = int(stack.group(1))
            current.spills = (int(stack.group(2)) + int(stack.group(3))) // 4
        used = re.search(r"Used (\d+) registers", line)
        if used:
            current.registers = int(used.group(1))
            local = re.search(r"(\d+) bytes smem", line)
            current.local_bytes = int(local.group(1)) if local else 0
            current = None
    current = None
    for line in text.splitlines():
        section = re.match(r"\.text\.(\S+):", line)
        if section:
            current = found.get(section.group(1))
        if current is None:
            continue
        label = re.match(r"(\.L_x_\d+):", line)
        if label:
            current.labels[label.group(1)] = len(current.instructions)
        code = re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(\S.*?)\s*;", line)
        if code:
            current.instructions.append(instruction(code.group(1)))
    return list(found.values())


def set_occupancy(kernel, target, threads):
    """Warps that a quarter of a multiprocessor holds, groups being whole."""
    warps, registers, local = LIMITS[target]
    group = (threads + 31) // 32
    each = (max(kernel.registers, 16) + 7) // 8 * 8 * 32
    groups = min(warps // group, registers // (each * group), 32)
    if kernel.local_bytes:
        groups = min(groups, local // (kernel.local_bytes + 1024))
    kernel.occupancy = groups * group // 4
