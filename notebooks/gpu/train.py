"""Tell which CUDA and how many GPUs a job has."""

import cudaprobe

print(f"CUDA runtime {cudaprobe.version()}, {cudaprobe.devices()} GPUs")
