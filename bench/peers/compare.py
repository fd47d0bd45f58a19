"""Runs quern and its peers on the same tables, in turns, and writes what they took.

compare.py QUERN DATA RESULTS RUNS [WORKLOAD...]

Every run is a process of its own; start and imports do not count, files are in the
page cache. Medians. The outputs are compared with quern's, column by column.
"""

import datetime
import glob
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

from agree import differences

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = ["polars_enum", "polars_join", "duckdb_enum", "duckdb_join", "pyarrow_hand", "sklearn_pipe"]
FEW = ["polars_enum", "duckdb_enum", "pyarrow_hand"]
# name -> workload of quern, codec, peers' codec, peers, and quern's encoding of pages.
# "criteo" passes dictionaries through; "criteo-materialised" writes every value, with
# snappy on both sides.
MATCHES = {
    "criteo": ("criteo", "zstd", "snappy", ALL, "auto"),
    "criteo-materialised": ("criteo", "snappy", "snappy", FEW, "plain"),
    "criteo-by-polars": ("criteo", "zstd", "snappy", FEW, "auto"),  # the input written by Polars: version 1 pages
    "dense": ("dense", "none", "uncompressed", [*FEW, "sklearn_pipe"], "auto"),
    "strings": ("strings", "snappy", "snappy", ALL, "auto"),
    "flights": ("flights", "zstd", "zstd", FEW, "auto"),
    "flights-csv": ("flights-csv", "zstd", "zstd", FEW, "auto"),
}


def quern(program, workload, codec, encoding, files, size, out):
    job = {"workload": workload, "data": {"files": files, "bytes": size, "csv": files[0].endswith(".csv")}, "out": out,
           "workers": 2, "memory": MEMORY, "codec": codec, "encoding": encoding, "skip_model": True}
    return json.loads(subprocess.run([program, "bench", "--child"], input=json.dumps(job), text=True, check=True, capture_output=True).stdout)


def peer(name, workload, codec, files, out):
    command = [sys.executable, os.path.join(HERE, "one.py"), name, workload, codec, out, *files]
    return json.loads(subprocess.run(command, text=True, check=True, capture_output=True).stdout)


def tables(program, data, workload):
    """The files of a workload, which quern makes."""
    out = subprocess.run([program, "bench", workload, "--prepare", "--data", data], check=True, text=True, stdout=subprocess.PIPE).stdout
    return out.split()


def rewritten(files, data):
    """The same table as Polars writes it."""
    folder = os.path.join(data, os.path.basename(os.path.dirname(files[0])) + "-by-polars")
    path = os.path.join(folder, "part-00000.parquet")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        code = "import sys, polars; polars.scan_parquet(sys.argv[1]).sink_parquet(sys.argv[2], compression='snappy', row_group_size=250_000)"
        subprocess.run([sys.executable, "-c", code, files[0], path + ".part"], check=True)
        os.rename(path + ".part", path)
    return [path]


def median(samples, key):
    return statistics.median(s[key] for s in samples)


def match(name, program, data, runs):
    workload, codec, theirs, peers, encoding = MATCHES[name]
    files = tables(program, data, workload)
    if name.endswith("-by-polars"):
        files = rewritten(files, data)
    size = sum(os.path.getsize(f) for f in files)
    samples, checks = {}, {}
    folder = tempfile.mkdtemp(dir=data)
    try:
        for turn in range(runs):
            ours = os.path.join(folder, "quern")
            samples.setdefault("quern", []).append(quern(program, workload, codec, encoding, files, size, ours))
            for p in peers:
                out = os.path.join(folder, p + ".parquet")
                samples.setdefault(p, []).append(peer(p, workload, theirs, files, out))
                if turn == 0 and p != "sklearn_pipe":
                    checks[p] = differences(os.path.join(ours, "features"), out)
                for f in glob.glob(out + "*"):
                    os.remove(f)
                print(f"{name}: turn {turn + 1}: {p} {samples[p][-1]['wall_s']:.2f} s, quern {samples['quern'][-1]['wall_s']:.2f} s", file=sys.stderr)
    finally:
        shutil.rmtree(folder)
    return report(name, samples, checks, samples["quern"][0]["rows"])


def report(name, samples, checks, rows):
    figures = {}
    for tool, runs in samples.items():
        done = runs[0].get("rows") or rows
        figures[tool] = {
            "rows": done, "walls_s": [round(s["wall_s"], 4) for s in runs], "wall_s": round(median(runs, "wall_s"), 4),
            "cpu_s": round(median(runs, "cpu_s"), 4), "peak_bytes": int(median(runs, "peak_bytes")), "rows_per_s": round(done / median(runs, "wall_s")),
        }
    ours = figures["quern"]
    for tool, f in figures.items():
        f["quern_is_faster"] = round(ours["rows_per_s"] / f["rows_per_s"], 3)
        # Per row; on a machine that others use too, this is the steadier of the two.
        f["quern_takes_less_cpu"] = round(f["cpu_s"] / f["rows"] / (ours["cpu_s"] / ours["rows"]), 3)
        if tool in checks:
            f["differences"] = checks[tool]
    rivals = [t for t in figures if t not in ("quern", "sklearn_pipe")]
    best = max(rivals, key=lambda t: figures[t]["rows_per_s"])
    return {"workload": name, "date": datetime.date.today().isoformat(), "machine": machine(), "versions": versions(),
            "threads": 2, "rows": rows, "fastest_peer": best, "ratio": figures[best]["quern_is_faster"], "tools": figures}


def machine():
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.platform()}


def versions():
    return {p: importlib.metadata.version(p) for p in ("polars", "duckdb", "pyarrow", "scikit-learn", "numpy", "pandas")} | {"python": platform.python_version()}


MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def main():
    program, data, results, runs, *names = sys.argv[1:]
    failed = False
    for name in names or MATCHES:
        r = match(name, program, data, int(runs))
        with open(os.path.join(results, name + ".json"), "w") as f:
            json.dump(r, f, indent=2)
            f.write("\n")
        for tool, x in sorted(r["tools"].items(), key=lambda t: -t[1]["rows_per_s"]):
            wrong = x.get("differences")
            said = "" if wrong is None else "  agrees" if not wrong else "  DIFFERS: " + "; ".join(wrong)
            print(f"{name:14} {tool:13} {x['wall_s']:8.3f} s  cpu {x['cpu_s']:8.3f} s  {x['peak_bytes'] / 2**20:7.0f} MiB"
                  f"  {x['rows_per_s'] / 1e6:7.3f} Mrows/s  quern is {x['quern_is_faster']:6.2f} x, cpu {x['quern_takes_less_cpu']:6.2f} x{said}")
            failed = failed or bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
