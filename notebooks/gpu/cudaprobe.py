"""What every CUDA package does when it is imported: it opens the CUDA runtime that it was built for, here CUDA 12's."""

import ctypes

runtime = ctypes.CDLL("libcudart.so.12")


def version() -> str:
    """The version of the CUDA runtime."""
    number = ctypes.c_int()
    runtime.cudaRuntimeGetVersion(ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def devices() -> int:
    """How many GPUs there are; 0 without a driver."""
    count = ctypes.c_int()
    return count.value if runtime.cudaGetDeviceCount(ctypes.byref(count)) == 0 else 0
