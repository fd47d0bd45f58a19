"""Expressions: each one that the recipes use has a Python twin in expressions.txt.

    quern's expression  =>  Python's       null if any column that it reads is null
    quern's expression  ?>  Python's       sees null as None itself

Python's is evaluated once per row. Columns are float (numpy's float64: division by
zero is no exception), int, str, bool, datetime.date and datetime.datetime (aware, of
an instant).
"""

import datetime
import math
import os
import re
import zoneinfo

import numpy as np

from table import Column

EPOCH = datetime.datetime(1970, 1, 1)


def twins():
    """The twins by quern's expression: (strict, type, Python's)."""
    found = {}
    with open(os.path.join(os.path.dirname(__file__), "expressions.txt")) as f:
        for line in f:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                ours, arrow, kind, theirs = re.fullmatch(r"(.*?)\s+(=>|\?>)\s+(\w+)\s+(.*)", line).groups()
                found[ours] = (arrow == "=>", kind, theirs)
    return found


def objects(column):
    """The rows as Python objects, None for null."""
    if column.type == "date":
        made = lambda v: EPOCH.date() + datetime.timedelta(days=v)
    elif column.type == "datetime":
        made = lambda v: EPOCH + datetime.timedelta(microseconds=v)
    elif column.type == "timestamp":
        made = lambda v: EPOCH.replace(tzinfo=datetime.UTC) + datetime.timedelta(microseconds=v)
    elif column.type in ("float32", "float64"):
        made = np.float64
    else:
        made = lambda v: v
    return [made(v) if there else None for v, there in zip(column.values.tolist(), column.valid)]


def evaluate(text, source, rows):
    """The column that an expression makes of the source's rows."""
    strict, kind, theirs = twins()[text]
    code = compile(theirs, text, "eval")
    reads = [n for n in code.co_names if n in source]
    scope = {"np": np, "math": math, "datetime": datetime, "re": re, "zone": zoneinfo.ZoneInfo, "nan": np.float64("nan")}
    results = []
    with np.errstate(all="ignore"):
        for row in zip(*[objects(source[n]) for n in reads]) if reads else [()] * rows:
            if strict and any(v is None for v in row):
                results.append(None)
                continue
            scope.update(zip(reads, row))
            results.append(eval(code, scope))
    slack = 0
    if kind.endswith("_near"):  # made by functions that libraries round differently
        kind, slack = kind.removesuffix("_near"), 2
    valid = np.array([r is not None for r in results], bool)
    return Column(kind, values_of(kind, results), valid, slack)


def values_of(kind, results):
    """The results as the array of a Column; anything where there is none."""
    if kind == "string":
        return np.array([r if r is not None else "" for r in results], object)
    if kind == "date":
        return np.array([(r - EPOCH.date()).days if r is not None else 0 for r in results], np.int64)
    if kind == "datetime":
        return np.array([(r - EPOCH) // datetime.timedelta(microseconds=1) if r is not None else 0 for r in results], np.int64)
    dtype = {"bool": bool, "float64": np.float64, "int64": np.int64}[kind]
    return np.array([r if r is not None else 0 for r in results], dtype)
