"""CLBlast's Sgemm as a peer, on the first OpenCL processor (PoCL), with its tuned parameters as they are."""

import argparse
import ctypes
from ctypes import byref, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

import numpy as np

import inputs
from serving import Workload, serve

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112
CPU_DEVICES, DEVICE_NAME, DRIVER_VERSION, COMPUTE_UNITS = 2, 0x102B, 0x102D, 0x1002


class OpenCL:
    """The few calls that are needed."""

    def __init__(self):
        self.cl = ctypes.CDLL("libOpenCL.so.1")
        for name in ("clCreateContext", "clCreateCommandQueue", "clCreateBuffer"):
            getattr(self.cl, name).restype = c_void_p
        platforms, device, status = (c_void_p * 16)(), c_void_p(), c_int32()
        count = c_uint32()
        self.check(self.cl.clGetPlatformIDs(16, platforms, byref(count)))
        for platform in platforms[:count.value]:
            if self.cl.clGetDeviceIDs(c_void_p(platform), c_uint64(CPU_DEVICES), 1, byref(device), None) == 0:
                break
        else:
            raise OSError("no OpenCL processor")
        self.device = device
        self.context = c_void_p(self.cl.clCreateContext(None, 1, byref(device), None, None, byref(status)))
        self.check(status.value)
        self.queue = c_void_p(self.cl.clCreateCommandQueue(self.context, device, c_uint64(0), byref(status)))
        self.check(status.value)

    @staticmethod
    def check(status):
        if status != 0:
            raise OSError(f"OpenCL status {status}")

    def text(self, parameter):
        text = ctypes.create_string_buffer(256)
        self.check(self.cl.clGetDeviceInfo(self.device, c_uint32(parameter), c_size_t(256), text, None))
        return text.value.decode()

    def units(self):
        count = c_uint32()
        self.check(self.cl.clGetDeviceInfo(self.device, c_uint32(COMPUTE_UNITS), c_size_t(4), byref(count), None))
        return count.value

    def finish(self):
        self.check(self.cl.clFinish(self.queue))


class Buffer:
    """An array on the device."""

    def __init__(self, opencl, array):
        self.opencl, self.shape, status = opencl, array.shape, c_int32()
        read_write, copy = 1, 32
        self.memory = c_void_p(opencl.cl.clCreateBuffer(
            opencl.context, c_uint64(read_write | copy), c_size_t(array.nbytes), c_void_p(array.ctypes.data), byref(status)))
        opencl.check(status.value)

    def array(self):
        result = np.empty(self.shape, np.float32)
        self.opencl.check(self.opencl.cl.clEnqueueReadBuffer(
            self.opencl.queue, self.memory, c_uint32(1), c_size_t(0), c_size_t(result.nbytes), c_void_p(result.ctypes.data), 0,
            None, None))
        return result

    def __del__(self):
        self.opencl.cl.clReleaseMemObject(self.memory)


def matmul(clblast, opencl, case):
    (m, k), (_, n) = case["shapes"]
    left, right = (case.get("transposes") == side for side in ("left", "right"))
    a = Buffer(opencl, inputs.floats((k, m) if left else (m, k), 0))
    b = Buffer(opencl, inputs.floats((n, k) if right else (k, n), 1))
    c = Buffer(opencl, np.zeros((m, n), np.float32))
    size = c_size_t
    arguments = (ROW_MAJOR, TRANSPOSED if left else PLAIN, TRANSPOSED if right else PLAIN, size(m), size(n), size(k), c_float(1),
                 a.memory, size(0), size(a.shape[1]), b.memory, size(0), size(b.shape[1]), c_float(0), c.memory, size(0), size(n),
                 byref(opencl.queue), None)

    def run(buffers=(a, b, c)):  # which must live as long as their handles are used
        if status := clblast.CLBlastSgemm(*arguments):
            raise OSError(f"CLBlast status {status}")
        return buffers[2]

    return Workload(run, lambda: [run().array()], opencl.finish)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", default="libclblast.so.1", help="CLBlast's shared library")
    clblast, opencl = ctypes.CDLL(parser.parse_args().library), OpenCL()
    serve({"name": "CLBlast", "version": f"on {opencl.text(DEVICE_NAME)}, driver {opencl.text(DRIVER_VERSION)}",
           "threads": opencl.units()}, lambda case: matmul(clblast, opencl, case))


if __name__ == "__main__":
    main()
