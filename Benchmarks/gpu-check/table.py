"""The committed table: one line a row, figures separated by spaces, `-` where one does not apply."""

import fnmatch

# Figures in the order of the table; those where more is worse come with +, the others with -.
COLUMNS = {
    "registers": "+", "local": "+", "scratch": "+", "spills": "+", "occupancy": "-", "barriers": "+", "fma": "-", "dual": "-",
    "local_width": "-", "global_width": "-", "divisions": "+", "prefetch": "-", "conflict": "+", "tflops": "-",
    "float_atomics": "+",
}
HEADS = ["regs", "local", "scratch", "spills", "waves", "barriers", "fma%", "dual%", "local-bits", "global-bits", "div",
         "ahead", "banks", "TFLOP/s", "f-atomics"]
# What may differ between machines with other releases of the compilers.
SLACK = {"registers": 4, "fma": 1, "dual": 10, "tflops": 1.0, "occupancy": 1}


def worst(a, b):
    """Of each figure the worse."""
    result = {}
    for name, sign in COLUMNS.items():
        both = [row[name] for row in (a, b) if row[name] is not None]
        result[name] = None if not both else max(both) if sign == "+" else min(both)
    return result


def text(value):
    return "-" if value is None else str(value)


def lines(figures):
    order = sorted(figures)
    names = max((len(name) for name, _ in order), default=0)
    yield " ".join(["kernel".ljust(names), "target ", *(head.rjust(max(len(head), 5)) for head in HEADS)])
    for name, target in order:
        cells = [text(figures[(name, target)][column]).rjust(max(len(head), 5)) for column, head in zip(COLUMNS, HEADS)]
        yield " ".join([name.ljust(names), target.ljust(7), *cells])


def show(figures, programs):
    for line in lines(figures):
        print(line)


def write(path, figures):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Written by `make gpu-check ARGS=--update`; the columns are explained in README.md.\n")
        file.writelines(line + "\n" for line in lines(figures))


def read(path):
    """The committed figures."""
    figures = {}
    try:
        with open(path, encoding="utf-8") as file:
            rows = [line.split() for line in file if not line.startswith(("#", "kernel"))]
    except FileNotFoundError:
        return figures
    for cells in rows:
        count = len(COLUMNS)
        values = [None if c == "-" else float(c) if "." in c else int(c) for c in cells[-count:]]
        figures[(" ".join(cells[:-count - 1]), cells[-count - 1])] = dict(zip(COLUMNS, values))
    return figures


def differences(committed, figures):
    """What became worse than the table, is missing from it or from the program."""
    found = [f"{name} on {target} is not in the table; if it should be, run with --update"
             for name, target in sorted(set(figures) - set(committed))]
    found += [f"{name} on {target} is in the table but was not built" for name, target in sorted(set(committed) - set(figures))]
    for key in sorted(set(figures) & set(committed)):
        for column, sign in COLUMNS.items():
            before, now = committed[key][column], figures[key][column]
            if before is None and now is None:
                continue
            if before is None or now is None:
                found.append(f"{key[0]} on {key[1]}: {column} was {text(before)} and is {text(now)}")
            elif (now - before if sign == "+" else before - now) > SLACK.get(column, 0):
                found.append(f"{key[0]} on {key[1]}: {column} was {before} and is {now}")
    return found


def exceptions(path):
    """Lines `PATTERN | TARGETS | GATE | REASON`; a pattern as in a shell, targets separated by spaces or *."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                pattern, targets, gate, reason = (part.strip() for part in line.split("|", maxsplit=3))
                found.append((pattern, targets.split(), gate, reason))
    return found


def unexcused(failed, excused):
    """Gates not passed that no exception names, and exceptions that nothing needs."""
    found, used = [], set()
    for (name, target), gates in sorted(failed.items()):
        for gate, words in gates.items():
            matching = [e for e in excused
                        if fnmatch.fnmatchcase(name, e[0]) and (target in e[1] or e[1] == ["*"]) and e[2] == gate]
            used.update(id(e) for e in matching)
            if not matching:
                found.append(f"{name} on {target}: gate {gate}: {words}")
    found += [f"exceptions.txt: nothing needs '{e[0]} | {' '.join(e[1])} | {e[2]}'" for e in excused if id(e) not in used]
    return found
