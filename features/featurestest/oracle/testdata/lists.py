"""Computes features of lists again, with numpy and scikit-learn.

    lists.py FILE

FILE is JSON: {"in": {column: rows}, "out": {column: rows}}; a row is null or a list.
Prints one line per difference, and how many columns and values were compared. Exit
code 1 if there is a difference.
"""

import json
import sys
from collections import Counter

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils import murmurhash3_32


def elements(rows):
    """All elements that are not null."""
    return [x for row in rows or [] for x in row or [] if x is not None]


def each(rows, f):
    """f of every element; null lists stay null."""
    return [None if row is None else [f(x) for x in row] for row in rows]


def whole(rows, f):
    """f of every list that is there."""
    return [None if row is None else f(row) for row in rows]


def vocabulary(rows, min_count=1):
    """The ids of values: count down, then by bytes; 0 padding, 1 null, 2 unseen."""
    counts = Counter(elements(rows))
    words = sorted((w for w in counts if counts[w] >= min_count), key=lambda w: (-counts[w], w.encode()))
    ids = {w: i + 3 for i, w in enumerate(words)}
    return lambda x: 1 if x is None else ids.get(x, 2)


def pad(rows, length, value, left=False):
    """Rows of exactly length elements, by numpy's pad."""
    out = []
    for row in rows:
        row = np.array(row or [], object)
        row = row[-length:] if left else row[:length]
        missing = length - len(row)
        out.append(np.pad(row, (missing, 0) if left else (0, missing), constant_values=value).tolist())
    return out


def reduced(rows, f):
    """f of the elements that are not null, where there are some."""

    def one(row):
        present = [x for x in row if x is not None]
        return f(present).item() if present else None

    return whole(rows, one)


def multi_hot(rows):
    """One column of booleans per value, by scikit-learn."""
    encoder = MultiLabelBinarizer(classes=sorted(set(elements(rows)), key=lambda w: w.encode()))
    matrix = encoder.fit_transform([[x for x in row or [] if x is not None] for row in rows])
    return {c: matrix[:, i].astype(bool).tolist() for i, c in enumerate(encoder.classes_)}


def from_left(values):
    """The sum, one element after the other."""
    return np.add.accumulate(np.array(values, np.float64))[-1]


def expected(tables):
    tags, prices, counts = tables["tags"], tables["prices"], tables["counts"]
    known = np.array(elements(prices), np.float64)
    mean, median = known.mean(), float(np.median(known))
    want = {f"hot_tags_{name_of(c)}": column for c, column in multi_hot(tags).items()}
    want |= {
        "ids_tags": each(tags, vocabulary(tags)),
        "left_tags": pad(each(tags, vocabulary(tags, 40)), 3, 0, left=True),
        "right_tags": pad(tags, 2, "none"),
        "hash_tags": each(tags, lambda x: 1 if x is None else murmurhash3_32(x.encode(), seed=0, positive=True) % 97 + 2),
        "std_prices": each(prices, lambda x: None if x is None else (x - mean) / known.std()),
        "filled_prices": whole(each(prices, lambda x: median if x is None else x), lambda row: row[-3:-1]),
        "first2_counts": whole(counts, lambda row: row[:2]),
        "some_counts": pad(whole(counts, lambda row: row[3:5]), 5, 0),
        "share": reduced(each(tags, lambda x: None if x is None else float(x == "b")), np.mean),
        "twice": each(whole(counts, lambda row: row[1:-1]), lambda x: None if x is None else 2 * x),
    }
    for name, rows in (("prices", prices), ("counts", counts)):
        want[f"mean_{name}"] = reduced(rows, lambda row: from_left(row) / len(row))
        want[f"sum_{name}"] = reduced(rows, from_left if name == "prices" else np.sum)
        want[f"min_{name}"], want[f"max_{name}"] = reduced(rows, np.min), reduced(rows, np.max)
    for name in ("tags", "prices"):
        want[f"n_{name}"] = whole(tables[name], len)
    for name in ("tags", "counts"):
        want[f"at0_{name}"] = whole(tables[name], lambda row: row[0] if row else None)
        want[f"last_{name}"] = whole(tables[name], lambda row: row[-1] if row else None)
    return want


def name_of(value):
    return "".join(ch if ch.isalnum() else "_" for ch in value) or "empty"


def same(name, got, want):
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(same(name, g, w) for g, w in zip(got, want))
    want = want.item() if isinstance(want, np.generic) else want
    if name == "std_prices" and got is not None and want is not None:
        return abs(got - want) <= 1e-13 * max(1, abs(want))  # numpy's mean is not exact
    return type(got) is type(want) and got == want or isinstance(want, float) and got == want


def main():
    with open(sys.argv[1]) as f:
        tables = json.load(f)
    want, failures, values = expected(tables["in"]), 0, 0
    if set(want) != set(tables["out"]):
        print("columns", sorted(set(want) ^ set(tables["out"])), "are on one side only")
        failures += 1
    for name in sorted(set(want) & set(tables["out"])):
        wrong = [i for i, (g, w) in enumerate(zip(tables["out"][name], want[name], strict=True)) if not same(name, g, w)]
        values += len(want[name])
        failures += len(wrong)
        for i in wrong[:3]:
            print(f"{name}, row {i}: quern {tables['out'][name][i]!r}, oracle {want[name][i]!r} ({len(wrong)} rows differ)")
    print(f"columns {len(want)} values {values} failures {failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
