"""Reads AMD GPU assembly as LLVM writes it."""

import re

from assembly import Instruction, Kernel

WIDTHS = {"b8": 8, "u8": 8, "i8": 8, "b16": 16, "u16": 16, "i16": 16, "b32": 32, "b64": 64, "b96": 96, "b128": 128,
          "dword": 32, "dwordx2": 64, "dwordx3": 96, "dwordx4": 128, "ubyte": 8, "sbyte": 8, "ushort": 16, "sshort": 16,
          "byte": 8, "short": 16}
MULTIPLY_ADD = re.compile(r"v_(pk_|dual_)?(fma|fmac|fmaak|fmamk|fmaa|fmam|mac|mad)_f32")
DIVIDE = re.compile(r"v_(rcp|div_scale|div_fixup|div_fmas)")


def width(mnemonic):
    """Bits that one lane moves; two addresses in one instruction count as two accesses side by side."""
    parts = mnemonic.split("_")
    bits = next((WIDTHS[p] for p in reversed(parts) if p in WIDTHS), 32)
    return bits * 2 if re.search(r"read2|write2|2addr", mnemonic) else bits


def instruction(text):
    """One line's instruction; `text` is without its comment."""
    mnemonic, _, operands = text.partition(" ")
    if mnemonic.startswith(("s_cbranch", "s_branch")):
        return Instruction("branch", branch=operands.strip(), falls=mnemonic != "s_branch")
    if mnemonic in ("s_endpgm", "s_trap"):
        return Instruction("control", falls=mnemonic != "s_endpgm")
    if mnemonic.startswith(("s_swappc", "s_setpc", "s_call")):
        return Instruction("call")
    if mnemonic.startswith("s_barrier"):
        return Instruction("barrier")
    if "atomic" in mnemonic or re.match(r"ds_(add|min|max|rtn|cmpst)", mnemonic):
        return Instruction("float atomic" if "f32" in mnemonic else "atomic")
    if mnemonic.startswith("ds_"):
        loads = mnemonic.startswith(("ds_read", "ds_load"))
        return Instruction("local load" if loads else "local store", width(mnemonic)) if "permute" not in mnemonic \
            else Instruction("alu")
    if mnemonic.startswith(("global_", "buffer_", "flat_")):
        if "gl0_inv" in mnemonic or "wbl2" in mnemonic or "invl2" in mnemonic:
            return Instruction("control")
        return Instruction("global load" if "load" in mnemonic else "global store", width(mnemonic))
    if mnemonic.startswith("scratch_"):
        return Instruction("spill", width(mnemonic))
    if DIVIDE.match(mnemonic):
        return Instruction("divide")
    if mnemonic.startswith("v_"):
        halves = text.split("::")
        if len(halves) == 2:
            both = [bool(MULTIPLY_ADD.match(h.strip())) for h in halves]
            return Instruction("fma" if any(both) else "alu", dual=all(both))
        if MULTIPLY_ADD.match(mnemonic):
            return Instruction("fma", dual=mnemonic.startswith("v_pk_"))
        return Instruction("alu")
    return Instruction("scalar")


def kernels(text):
    """The kernels of an assembly file."""
    found = []
    kernel = None
    spills = iter(re.findall(r"\.vgpr_spill_count:\s+(\d+)", text))
    for line in text.splitlines():
        begin = re.search(r"; -- Begin function (\S+)", line)
        if begin:
            kernel = Kernel(begin.group(1))
            found.append(kernel)
        if kernel is None:
            continue
        for pattern, name in [(r"; NumVgprs: (\d+)", "registers"), (r"; LDSByteSize: (\d+)", "local_bytes"),
                              (r"; ScratchSize: (\d+)", "scratch_bytes"), (r"; Occupancy: (\d+)", "occupancy")]:
            value = re.match(pattern, line)
            if value:
                setattr(kernel, name, int(value.group(1)))
        code = line.split(";")[0].rstrip()
        label = re.match(r"(\.LBB\w+):", code)
        if label:
            kernel.labels[label.group(1)] = len(kernel.instructions)
        elif re.match(r"\t[a-z]", code):
            kernel.instructions.append(instruction(code.strip()))
            if kernel.instructions[-1].kind == "call":
                kernel.unresolved.append(code.strip())
    # Everything is inlined into kernels; a helper's text of its own would have no resources.
    kernels_only = [k for k in found if re.search(rf"\.amdhsa_kernel {re.escape(k.name)}\b", text)]
    for kernel in kernels_only:
        kernel.spills = int(next(spills, 0))
    return kernels_only
