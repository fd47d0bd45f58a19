#!/usr/bin/env python3
"""Measures how much the times of equal shards differ, for bench/results/scaling/inputs.json.

Cuts the benchmarks' data (build/data, build/bench) into files of equal row counts and has
`build/quern run --workers 1` fit and transform each in a process of its own. Prints rows
per second of one core, and the standard deviation of the logarithms of the processor time
(what the data does) and of the wall time (what the machine and its other users do).
"""
import json, math, os, resource, shutil, statistics, subprocess, sys, tempfile, time

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 100_000


def chain(names, steps):
    return "  - columns: [%s]\n    steps: [%s]\n" % (", ".join(names), steps)


def criteo(names):
    ints = [n for n in names if n[0] == "i"]
    texts = [n for n in names if n[0] == "c"]
    return ("quern: 1\nname: shard\nsource: {parquet: in.parquet}\nkeep: [label]\nfeatures:\n"
            + chain(ints, "{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize") + chain(texts, "categorify")
            + "output:\n  parquet: {path: out}\n")


def flights(_):
    lines = open("examples/flights/recipe.yaml").read().split("\n")
    lines = [l for l in lines if not l.startswith("fit:") and "2001-06-01" not in l]  # shards are in the order of time
    return "\n".join("  parquet: in.parquet" if l.startswith("  parquet: flights") else l for l in lines)


def measure(name, path, recipe, most):
    quern = os.path.abspath("build/quern")
    f = pq.ParquetFile(path)
    folder = tempfile.mkdtemp()
    cpu, wall = [], []
    try:
        with open(folder + "/recipe.yaml", "w") as out:
            out.write(recipe(f.schema_arrow.names))
        pieces = []
        for batch in f.iter_batches(ROWS):
            if batch.num_rows < ROWS or len(pieces) == most:
                break
            pieces.append(batch)
        for turn in range(3):
            for batch in pieces:
                pq.write_table(pa.Table.from_batches([batch]), folder + "/in.parquet", compression="zstd")
                before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
                subprocess.run([quern, "run", "recipe.yaml", "--overwrite", "--quiet", "--workers", "1"], cwd=folder, check=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                wall.append(time.time() - began)
                cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    finally:
        shutil.rmtree(folder)
    n = len(pieces)
    best = [min(cpu[i::n]) for i in range(n)]  # of three turns: the data's share
    spread = lambda x: statistics.pstdev([math.log(v) for v in x])
    q = sorted(wall)
    return {"workload": name, "shards": n, "rows": ROWS, "turns": 3, "rows_per_cpu_s": round(ROWS / statistics.mean(best)),
            "log_sd_cpu": round(spread(best), 4), "log_sd_wall": round(spread(wall), 4),
            "wall_max_over_median": round(q[-1] / q[len(q) // 2], 2)}


print(json.dumps([
    measure("criteo", "build/bench/criteo-2000000-v1/part-00000.parquet", criteo, 20),
    measure("flights", "build/data/flights-3m.parquet", flights, 29),
], indent=2))
