"""A peer's half of the protocol of `martlet bench --serve` (see `BenchmarkServer`): a JSON object a line on standard input, an
answer a line on standard output."""

import json
import sys
import time

import numpy as np


class Workload:
    """What a case does once its inputs are there: `run` is timed, `finish` waits for what it started, `outputs` gives arrays
    to be compared (at most once, before timing)."""

    def __init__(self, run, outputs=None, finish=lambda: None):
        self.run, self.finish = run, finish
        self.outputs = outputs or (lambda: run())


def _milliseconds(workload, calls):
    run = workload.run
    workload.finish()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    workload.finish()
    return 1e3 * (time.perf_counter() - start) / calls


def _answer(request, about, prepare, workloads):
    action, name = request["do"], request.get("id")
    if action == "about":
        return about
    if action == "prepare":
        workloads[name] = prepare(request["case"])
    elif action == "write":
        outputs = [np.ascontiguousarray(array, np.float32) for array in workloads[name].outputs()]
        with open(request["path"], "wb") as file:
            for array in outputs:
                file.write(array.data)
        return {"counts": [array.size for array in outputs]}
    elif action == "time":
        return {"ms": [_milliseconds(workloads[name], request.get("calls", 1)) for _ in range(request.get("runs", 1))]}
    elif action == "release":
        workloads.pop(name, None)
    else:
        raise ValueError(f"no action {action}")
    return {}


def serve(about, prepare):
    """Answers requests until standard input ends. `prepare` makes a `Workload` of a case."""
    answers, workloads = sys.stdout, {}
    sys.stdout = sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line), about, prepare, workloads)
        except Exception as error:  # whatever a peer raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(answer), file=answers, flush=True)
