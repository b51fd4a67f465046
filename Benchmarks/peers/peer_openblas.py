"""The system's OpenBLAS as a peer: bare calls of cblas_sgemm on its own threads."""

import argparse
import ctypes

import numpy as np

import inputs
from serving import Workload, serve

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


def library():
    blas = ctypes.CDLL("libopenblas.so.0")
    blas.openblas_get_corename.restype = blas.openblas_get_config.restype = ctypes.c_char_p
    integer, number, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    blas.cblas_sgemm.argtypes = [integer] * 6 + [number, pointer, integer, pointer, integer, number, pointer, integer]
    return blas


def matmul(blas, case):
    (m, k), (_, n) = case["shapes"]
    left, right = (case.get("transposes") == side for side in ("left", "right"))
    a, b = inputs.floats((k, m) if left else (m, k), 0), inputs.floats((n, k) if right else (k, n), 1)
    c = np.zeros((m, n), np.float32)
    arguments = (ROW_MAJOR, TRANSPOSED if left else PLAIN, TRANSPOSED if right else PLAIN, m, n, k, 1.0,
                 a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n)

    def run(arrays=(a, b, c)):  # which must live as long as their addresses are used
        blas.cblas_sgemm(*arguments)
        return [arrays[2]]

    return Workload(run)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    blas = library()
    blas.openblas_set_num_threads(threads)
    serve({"name": "OpenBLAS", "version": blas.openblas_get_config().decode().strip(),
           "core": blas.openblas_get_corename().decode(), "threads": threads}, lambda case: matmul(blas, case))


if __name__ == "__main__":
    main()
