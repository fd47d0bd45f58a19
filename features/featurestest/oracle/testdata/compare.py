"""Compares what quern wrote with what the oracles compute from the same input.

    compare.py FOLDER

FOLDER holds recipes (NAME.yaml), the tables that they read, and for each what quern
made of it in out/NAME: `wide` (Parquet, float64), `narrow` (Parquet, float32),
`served` (Parquet, float64, the values as they are served), and for recipes with tensors `matrix` (safetensors, float64, one matrix per kind) and
`vectors` (.npy, float32, one array per column).

Prints one line per difference (recipe, column, row, both values), then how many values
it compared with each library, and how many columns and values of quern's. Exit code 1 if there is a difference.
"""

import glob
import os
import sys
import warnings

import numpy as np

from recipe import expected, float32_ulp
from table import REALS, read_parquet, read_tensors

SHOWN = 4  # differences per column


class Comparison:
    def __init__(self):
        self.failures = self.columns = self.values = 0
        self.libraries = {}  # values compared, by library

    def report(self, text):
        self.failures += 1
        print(text)

    def recipe(self, path):
        name = os.path.basename(path).removesuffix(".yaml")
        out = os.path.join(os.path.dirname(path), "out", name)
        want, ctx = expected(path, lambda text: self.report(f"{name}: {text}"))
        for library, n in ctx.compared.items():
            self.libraries[library] = self.libraries.get(library, 0) + n
        wide = read_parquet(os.path.join(out, "wide", "*.parquet"))
        narrow = read_parquet(os.path.join(out, "narrow", "*.parquet"))
        served = read_parquet(os.path.join(out, "served", "*.parquet"))
        for got in (wide, narrow, served):
            if set(got) != set(want):
                self.report(f"{name}: columns {sorted(set(got) - set(want))} too many, {sorted(set(want) - set(got))} missing")
        features = [n for n in want if n not in ctx.recipe.get("keep", []) and n not in ctx.labels]
        for column in set(want) & set(wide) & set(narrow) & set(served):
            self.column(f"{name}: {column}", wide[column], want[column])
            self.column(f"{name} served: {column}", served[column], want[column].served or want[column])
            self.narrowed(f"{name}: {column}", narrow[column], wide[column], column in features)
        if "tensor" in ctx.recipe["output"]:
            kept = set(ctx.recipe.get("keep", [])) - set(ctx.labels)
            self.tensors(name + " matrix", read_tensors(os.path.join(out, "matrix")), wide, kept)
            self.tensors(name + " vectors", read_tensors(os.path.join(out, "vectors")), narrow, kept)

    def column(self, name, got, want):
        """quern's column is the oracle's: type, nulls, and values within its slack."""
        if got.type != want.type:
            return self.report(f"{name}: type {got.type}, not {want.type}")
        if len(got) != len(want):
            return self.report(f"{name}: {len(got)} rows, not {len(want)}")
        same = got.values == want.values
        if got.type in REALS:
            same |= np.isnan(got.values) & np.isnan(want.values)
            if not (isinstance(want.slack, int) and want.slack == 0):
                with np.errstate(invalid="ignore"):
                    same |= np.abs(got.values - want.values) <= allowed(want)
        self.rows(name, got, want, (got.valid == want.valid) & (same | ~want.valid))

    def narrowed(self, name, narrow, wide, feature):
        """A float32 output is the float64 one, rounded; everything else is the same."""
        if wide.type == "float64" and feature:
            with np.errstate(over="ignore"):
                values = wide.values.astype(np.float32).astype(np.float64)
        else:
            values = wide.values
        same = narrow.values == values
        if wide.type in REALS:
            same |= np.isnan(narrow.values) & np.isnan(values)
        self.rows(name + " (float32 output)", narrow, wide, (narrow.valid == wide.valid) & (same | ~wide.valid))

    def tensors(self, name, arrays, table, kept):
        """Tensors hold what the Parquet columns hold; null is NaN; kept columns are left out."""
        if set(arrays) != set(table) - kept:
            self.report(f"{name}: columns {sorted(set(arrays) ^ (set(table) - kept))} are in one of tensor and table only")
        for column in set(arrays) & set(table):
            got, want = arrays[column], table[column]
            values = np.where(want.valid, want.values.astype(np.float64), np.nan)
            same = (got.astype(np.float64) == values) | np.isnan(got.astype(np.float64)) & np.isnan(values)
            if want.type not in REALS:
                same = (got == want.values.astype(got.dtype)) & want.valid
            self.columns, self.values = self.columns + 1, self.values + len(got)
            for row in np.flatnonzero(~same)[:SHOWN]:
                self.report(f"{name}: {column}, row {row}: {got[row]!r}, in the table {want.python(row)!r}")

    def rows(self, name, got, want, same):
        self.columns, self.values = self.columns + 1, self.values + len(got)
        for row in np.flatnonzero(~same)[:SHOWN]:
            mine = got.python(row) if got.valid[row] else None
            theirs = want.python(row) if want.valid[row] else None
            self.report(f"{name}, row {row}: quern {mine!r}, oracle {theirs!r} ({np.sum(~same)} rows differ)")


def allowed(want):
    """How far quern may be from the oracle's values."""
    size = np.abs(np.where(np.isfinite(want.values), want.values, 0))
    if isinstance(want.slack, int):
        ulp = np.spacing(size.astype(np.float32)).astype(float) if want.type == "float32" else np.spacing(size)
        return want.slack * ulp
    if isinstance(want.slack, str):
        return float32_ulp(np.maximum(1, size))
    return np.maximum(want.slack, np.spacing(size.astype(np.float32)).astype(float) if want.type == "float32" else 0)


def main():
    warnings.simplefilter("ignore")
    comparison = Comparison()
    recipes = sorted(glob.glob(os.path.join(sys.argv[1], "*.yaml")))
    for path in recipes:
        comparison.recipe(path)
    c = comparison
    for library, n in sorted(c.libraries.items()):
        print(f"library {library} {n}")
    print(f"recipes {len(recipes)} columns {c.columns} values {c.values} failures {c.failures}")
    return 1 if c.failures or not c.values else 0


if __name__ == "__main__":
    sys.exit(main())
