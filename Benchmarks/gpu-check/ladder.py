"""The steps of a published ladder for matrix products on an RX 7900 XTX, as variants of MatmulTile.cl. What was measured there
rose from step to step (with register tiles 22.8, with double buffering 25.6, without bank conflicts 33.5 TFLOP/s); a checklist
that does not predict that order is wrong.
"""

import os
import shlex

import toolchain
from roofline import product

KERNELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Kernels")
PRELUDE = os.path.join(KERNELS, "Prelude.cl")
FORM = (
    "-cl-std=CL1.2 -include {prelude} -D GPU_LIKE=1 -D KERNEL_matmulTiles=1 "
    "-D A_DEEP=1 -D A_VEC={vec} -D B_DEEP=0 -D B_VEC={vec} -D C_VEC={vec}"
)
TILE = " -D TM={0} -D TN={0} -D TK={1} -D WM={2} -D WN={2}"
STEPS = [
    ("a tile in local memory", 1, (16, 16, 1), " -D PREFETCH=0 -D PAD=0 -D ADJACENT=1"),
    ("tiles in registers", 4, (128, 8, 8), " -D PREFETCH=0 -D PAD=0 -D ADJACENT=1"),
    ("double buffering", 4, (128, 8, 8), " -D PAD=0 -D ADJACENT=1"),
    ("no bank conflicts", 4, (128, 8, 8), ""),
]


def predicted(path, vec, tile, rest, target="gfx1100"):
    """Predicted operations a second of a step, and its local memory's worst conflict."""
    rows, depth, item = tile
    options = FORM.format(prelude=shlex.quote(PRELUDE), vec=vec) + TILE.format(*tile) + rest
    kernels, _ = toolchain.compile_program(path, options, target)
    _, accesses = toolchain.compile_program(path, options, "sm_80")
    conflicts = {}
    for kind, _, degree in accesses["matmulTiles"]:
        conflicts[kind] = max(conflicts.get(kind, 1), degree or 1)
    kernel = kernels[0]
    step = kernel.product_step(depth * item * item)
    _, speed = product(target, kernel, step, (rows, rows, depth), (rows // item) ** 2, conflicts)
    return speed, max(conflicts.values())


def problems():
    """Prints the ladder; what is out of order."""
    found, before = [], None
    print("\nThe ladder on an RX 7900 XTX, predicted:")
    path = os.path.join(KERNELS, "MatmulTile.cl")
    for name, vec, tile, rest in STEPS:
        speed, conflict = predicted(path, vec, tile, rest)
        print(f"  {name:24} {speed / 1e12:5.1f} TFLOP/s, at most {conflict} lanes ask one bank at a time")
        if before and speed <= before[1]:
            found.append(f"the ladder: '{name}' is predicted no faster than '{before[0]}'")
        before = (name, speed)
    return found
