"""Runs one job of one peer in this process: one.py PEER WORKLOAD CODEC OUT FILE...

Prints JSON: seconds, processor seconds, peak memory. Imports are not counted.
"""

import importlib
import json
import os
import sys
import time

os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"


def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    peer, workload, codec, out, *files = sys.argv[1:]
    job = getattr(importlib.import_module(peer), workload.replace("-", "_"))
    wall, cpu = time.perf_counter(), time.process_time()
    rows = job(files, out, codec)
    print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "peak_bytes": peak(), "rows": rows}))


main()
