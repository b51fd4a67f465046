"""Runs the compilers: Debian's clang-19 and libclc-19, NVIDIA's ptxas and nvdisasm."""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

import amd
import banks
import nvidia

CLANG = ["clang-19", "-x", "cl", "-Xclang", "-finclude-default-header", "-O3", "-nogpulib", "-w", "-Xclang",
         "-mlink-bitcode-file", "-Xclang"]
AMD_LIBRARY = "/usr/lib/clc/amdgcn--amdhsa.bc"
NVIDIA_LIBRARY = "/usr/lib/clc/nvptx64--nvidiacl.bc"
NVIDIA_HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nvidia.h")
TARGETS = ["gfx1100", "gfx90a", "sm_80", "sm_90"]


class BuildError(Exception):
    """A program that does not build; the message is the compiler's."""


def tool(name):
    """A tool of the packages nvidia-cuda-nvcc and nvidia-cuda-nvdisasm, or one on PATH."""
    found = sorted(glob.glob(os.path.join(sys.prefix, "lib/python*/site-packages/nvidia/*/bin", name)))
    return found[-1] if found else name


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{os.path.basename(command[0])}: {(done.stderr or done.stdout).strip()[:2000]}")
    return done.stdout + done.stderr


def group_size(source, options):
    """The work-group's size where the source fixes it; else 256, or the parameter GROUP."""
    value = re.search(r"-D GROUP=(\d+)", options)
    return int(value.group(1)) if value else 256


def compile_program(path, options, target):
    """The kernels of a source file built for a target, and their local-memory accesses where those are known."""
    with tempfile.TemporaryDirectory() as folder:
        options = shlex.split(options)
        if target.startswith("gfx"):
            assembly = os.path.join(folder, "out.s")
            run(CLANG + [AMD_LIBRARY, "-target", "amdgcn-amd-amdhsa", f"-mcpu={target}", *options, "-S", path, "-o", assembly])
            with open(assembly, encoding="utf-8") as file:
                return amd.kernels(file.read()), {}
        ptx, cubin = os.path.join(folder, "out.ptx"), os.path.join(folder, "out.cubin")
        run(CLANG + [NVIDIA_LIBRARY, "-target", "nvptx64-nvidia-cuda", f"-march={target}", "-nogpuinc", "-include", NVIDIA_HEADER, *options,
                     "-S", path, "-o", ptx])
        with open(ptx, encoding="utf-8") as file:
            text = file.read()
        unresolved = re.findall(r"^\.extern \.func.*?(\w+)\s*$", text, re.MULTILINE)
        if unresolved:
            raise BuildError("unresolved: " + ", ".join(unresolved))
        log = run([tool("ptxas"), f"-arch={target}", "-v", ptx, "-o", cubin])
        found = nvidia.kernels(target, log, run([tool("nvdisasm"), "-c", cubin]))
        accesses = {}
        default = group_size(text, " ".join(options))
        for kernel in found:
            body = banks.entry(text, kernel.name)
            threads = banks.threads(body) or (default, 1, 1)
            nvidia.set_occupancy(kernel, target, threads[0] * threads[1] * threads[2])
            accesses[kernel.name] = banks.accesses(body, threads)
        return found, accesses
