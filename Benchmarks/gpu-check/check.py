"""Compiles every GPU kernel that the program builds for four GPUs and holds the result against gates and a table.

    check.py DUMP [--update]

DUMP is a folder that the program wrote with MARTLET_DUMP_KERNELS. Rows of the table are a kernel (a product's with its tile) on
a target; where several programs share a row it holds the worst of each figure.
"""

import argparse
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor

import gates
import ladder
import table
import toolchain
from assembly import share_of, total
from roofline import CARDS, is_prefetched, product

FOLDER = os.path.dirname(os.path.abspath(__file__))


def programs_of(paths):
    """The programs of dumped kernels: a list of (path, options, family, kernels that run, whether vectors of four move).

    A file's first two lines name its options and its kernel; files that are otherwise the same are one program.
    """
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            first, second, text = file.read().split("\n", maxsplit=2)
        options, kernel = first.removeprefix("// options: "), second.removeprefix("// kernel: ")
        fours = bool(re.search(r"-D (ALIGNED=1|WIDE=4|FOUR=1)\b", options)) or bool(
            re.search(r"global (const )?(float|u?int)4 \*\)\(p\d", text))
        family = os.path.basename(path).split(".")[0]
        found.setdefault((options, text), (path, options, family, set(), fours))[3].add(kernel)
    return list(found.values())


def define(options, name, otherwise=0):
    value = re.search(rf"-D {name}=(\d+)", options)
    return int(value.group(1)) if value else otherwise


# Parameters that make rows of the table, beside products' own.
FORMS = ("VEC", "ALIGNED", "WIDE", "GROUP", "HELD", "ITEM", "FOUR")


def row_name(family, kernel, options):
    """The row that a program belongs to."""
    if not gates.is_product(kernel):
        forms = [f"{name.lower()}{define(options, name)}" for name in FORMS if f"-D {name}=" in options]
        return f"{family}.{kernel} {' '.join(forms)}".strip()
    rows, columns, depth, item = (define(options, name) for name in ("TM", "TN", "TK", "WM"))
    forms = [name.lower() + "4" for name in ("CHANNELS", "OUT_VEC") if define(options, name) == 4]
    if define(options, "PHASED"):
        forms.append("phased")
    if define(options, "POINTWISE"):
        forms.append(f"pointwise{define(options, 'A_VEC', 1)}")
    if kernel == "convolutionWeightTiles":
        forms.append(f"dy{define(options, 'A_VEC', 1)}")
    for operand in "AB":
        if f"{operand}_DEEP" in options:
            forms.append(("deep" if define(options, operand + "_DEEP") else "flat") + str(define(options, operand + "_VEC", 1)))
    if define(options, "C_VEC", 1) == 4:
        forms.append("out4")
    if define(options, "FAR"):
        forms.append("far")
    return f"{family}.{kernel} {rows}x{columns}x{depth}/{item} {' '.join(forms)}".strip()


def group_of(options):
    """Work-items of a product's group."""
    item = define(options, "WM", 1)
    return define(options, "TM", 256) // item * (define(options, "TN", 1) // item or 1)


def products(count):
    """The figures of loops that multiply, from the instructions of one pass."""
    multiply_adds = total(count, ["fma"])
    return {
        "fma": round(100 * multiply_adds / total(count, ["fma", "alu", "divide"])),
        "dual": round(100 * total(count, ["fma"], lambda _, dual: 2 * dual)
                      / total(count, ["fma"], lambda _, dual: 1 + dual)),
        "divisions": round(total(count, ["divide"])),
        "local_width": 128 if (share_of(count, "local load", 128) or 0) > 0.99 else 32,
    }


def examine(kernel, accesses, options, target, fours):
    """One kernel's figures."""
    count_all = {}
    for i in kernel.instructions:
        key = (i.kind, i.bits, i.dual)
        count_all[key] = count_all.get(key, 0) + 1
    degrees = [degree for _, _, degree in accesses if degree is not None]
    widths = [bits for (kind, bits, _), n in count_all.items() if kind in ("global load", "global store")]
    row = {
        "registers": kernel.registers, "local": kernel.local_bytes, "scratch": kernel.scratch_bytes, "spills": kernel.spills,
        "occupancy": kernel.occupancy, "barriers": total(count_all, ["barrier"]), "fma": None, "dual": None,
        "local_width": None, "global_width": max(widths) if fours and widths else None, "divisions": None, "prefetch": None,
        "conflict": max(degrees) if degrees else None, "tflops": None, "float_atomics": total(count_all, ["float atomic"]),
    }
    if gates.is_product(kernel.name):
        depth, item = define(options, "TK"), define(options, "WM")
        step = kernel.product_step(depth * item * item)
        if step:
            count, listing = step
            row.update(products(count))
            row["prefetch"] = int(is_prefetched(listing))
            # The places of gathered patches are single numbers, the same for a whole wave.
            row["global_width"] = 128 if (share_of(count, "global load", 128) or 0) >= 0.75 else 32
    if gates.is_attention(kernel.name):
        count = kernel.inner_loops(8)
        if count:
            row.update(products(count))
    return row


def compile_one(job):
    """The figures of one program on one target: a list of (row, target, family, kernel, tile, figures)."""
    (path, options, family, wanted, fours), target = job
    try:
        kernels, accesses = toolchain.compile_program(path, options, target)
    except toolchain.BuildError as error:
        return [("", target, family, min(wanted), 0, str(error))]
    found = []
    for kernel in kernels:
        if kernel.name not in wanted:
            continue
        if kernel.unresolved:
            found.append(("", target, family, kernel.name, 0, f"calls {kernel.unresolved[0]}"))
            continue
        row = examine(kernel, accesses.get(kernel.name, []), options, target, fours)
        found.append((row_name(family, kernel.name, options), target, family, kernel.name, define(options, "WM"),
                      (row, kernel if gates.is_product(kernel.name) else None, options)))
    return found


def predict(rows, conflicts):
    """Fills in the speed of products that the makers' figures allow; conflicts are known from PTX, so for NVIDIA's targets."""
    for (name, target), (row, kernel, options) in rows.items():
        if kernel is None:
            continue
        rows, columns, depth, item = (define(options, name) for name in ("TM", "TN", "TK", "WM"))
        step = kernel.product_step(depth * item * item)
        if step:
            degree = conflicts.get(name) or 1
            both = {"local load": degree, "local store": degree}
            _, speed = product(target, kernel, step, (rows, columns, depth), rows // item * (columns // item), both)
            row["tflops"] = round(speed / 1e12, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("dump")
    parser.add_argument("--update", action="store_true", help="write the table anew")
    parser.add_argument("--table", default=os.path.join(FOLDER, "table.txt"))
    options = parser.parse_args()

    paths = sorted(os.path.join(options.dump, name) for name in os.listdir(options.dump) if name.endswith(".cl"))
    if not paths:
        sys.exit(f"gpu-check: no programs in {options.dump}")
    all_programs = programs_of(paths)
    jobs = [(program, target) for program in all_programs for target in toolchain.TARGETS]
    problems, rows, about, programs = [], {}, {}, {}
    with ProcessPoolExecutor() as pool:
        for number, found in enumerate(pool.map(compile_one, jobs, chunksize=4)):
            for name, target, family, kernel, item, result in found:
                if not name:
                    problems.append(f"{family}.{kernel} on {target}: {result}")
                    continue
                key = (name, target)
                programs[key] = programs.get(key, 0) + 1
                row, built, built_options = result
                about[key] = (family, kernel, item)
                if key in rows:
                    rows[key] = (table.worst(rows[key][0], row), *rows[key][1:])
                else:
                    rows[key] = (row, built, built_options)
            if sys.stderr.isatty() and number % 40 == 0:
                print(f"\r{number} of {len(jobs)}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r                    \r", end="", file=sys.stderr)
    conflicts = {name: row["conflict"] for (name, target), (row, _, _) in rows.items() if target == "sm_80"}
    predict(rows, conflicts)
    figures = {key: row for key, (row, _, _) in rows.items()}
    table.show(figures, programs)
    print("\nPredicted TFLOP/s are of a square product of 4,096 on " + ", ".join(
        f"{target}: {card.name}" for target, card in CARDS.items()))

    failed = {key: gates.failures(*about[key][:2], key[1], row, about[key][2], group_of(rows[key][2]))
              for key, row in figures.items()}
    exceptions = table.exceptions(os.path.join(FOLDER, "exceptions.txt"))
    problems += table.unexcused(failed, exceptions)
    problems += ladder.problems()
    if options.update:
        table.write(options.table, figures)
    else:
        problems += table.differences(table.read(options.table), figures)
    for problem in problems:
        print("failed:", problem)
    print(f"{len(jobs)} builds of {len(all_programs)} programs, {len(figures)} rows, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
