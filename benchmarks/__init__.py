"""Side-by-side timings: `make bench` runs them all, `python -m benchmarks NAME` one."""
