"""Whether two outputs agree: row by row, ids exactly, real numbers to 1e-6."""

import glob
import os

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Hashes and folds differ between systems: those columns cannot agree.
APART = {"route", "route_late"}
TOLERANCE = 1e-6


def differences(folder, theirs):
    """What differs between quern's output folder and a peer's file: sentences."""
    ours = sorted(glob.glob(os.path.join(folder, "part-*.parquet")))
    files = [pq.ParquetFile(f) for f in ours]
    other = pq.ParquetFile(theirs)
    names = other.schema_arrow.names
    wrong = [f"no column {n}" for n in files[0].schema_arrow.names if n not in names]
    for name in names:
        a = np.concatenate([column(f, name) for f in files])
        b = column(other, name)
        if len(a) != len(b):
            return [f"{len(a)} rows against {len(b)}"]
        if name in APART:
            continue
        if not same(a, b):
            wrong.append(f"{name}: {first_difference(a, b)}")
    return wrong


def column(f, name):
    c = f.read(columns=[name]).column(0)
    if c.null_count:
        c = pc.cast(c, "float64")  # null becomes NaN
    return c.to_numpy()


def same(a, b):
    if a.dtype.kind != "f" and b.dtype.kind != "f":
        return np.array_equal(a, b)
    return bool(close(a, b).all())


def close(a, b):
    """Of float32 numbers: 1e-6 relative, or one part of 10 million of the unit."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.isclose(a, b, rtol=TOLERANCE, atol=1e-7, equal_nan=True)


def first_difference(a, b):
    at = int(np.argmin(close(a, b)))
    return f"row {at}: {a[at]} against {b[at]} ({int((~close(a, b)).sum())} rows)"
