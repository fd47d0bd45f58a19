"""Columns as the oracles see them: plain numpy values and which of them are there.

Nothing here knows quern. Files are read by pyarrow, tensors by safetensors and numpy.
"""

import glob
import json
import os
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file

REALS = ("float32", "float64")
INTEGERS = ("int32", "int64")
TIMES = ("timestamp", "datetime", "date")


@dataclass
class Column:
    """A column: its type by quern's names, its values, and where there is one.

    Values are float64 (also of float32), int64 (times: microseconds, days of a
    date), bool, or objects (str). Where valid is False, they are garbage.
    `slack` is how far two right answers may be apart, in float64 ulps; "float32"
    is one float32 ulp of max(1, |value|); an array is an absolute distance per row.
    `served` is the column as it is served, where that differs from training.
    """

    type: str
    values: np.ndarray
    valid: np.ndarray
    slack: object = 0
    served: "Column | None" = None

    def __len__(self):
        return len(self.values)

    def take(self, rows):
        return Column(self.type, self.values[rows], self.valid[rows], self.slack)

    def floats(self):
        """The values as float64; garbage where there are none."""
        return self.values.astype(np.float64)

    def python(self, row):
        """One value as a Python object, None for null."""
        return self.values[row].item() if hasattr(self.values[row], "item") else self.values[row]


def real(kind, values, valid, slack=0):
    """A real column; values are rounded once if it is float32."""
    values = np.asarray(values, np.float64)
    if kind == "float32":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32).astype(np.float64)
    return Column(kind, values, valid, slack)


def column_of(array):
    """The Column of an Arrow array."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind, valid = array.type, ~np.asarray(array.is_null())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = array.dictionary_encode()
        words = np.array(coded.dictionary.to_pylist() + [""], object)
        return Column("string", words[np.asarray(coded.indices.fill_null(len(words) - 1))], valid)
    if pa.types.is_boolean(kind):
        return Column("bool", np.asarray(array.fill_null(False)), valid)
    if pa.types.is_floating(kind):
        name = "float32" if pa.types.is_float32(kind) else "float64"
        return Column(name, np.asarray(array.fill_null(0.0)).astype(np.float64), valid)
    if pa.types.is_timestamp(kind):
        assert kind.unit == "us", kind
        name, array = "timestamp" if kind.tz else "datetime", array.cast(pa.int64())
    elif pa.types.is_date32(kind):
        name, array = "date", array.cast(pa.int32())
    else:
        name = {"int32": "int32", "int64": "int64"}[str(kind)]
    return Column(name, np.asarray(array.fill_null(0)).astype(np.int64), valid)


def read_parquet(pattern):
    """All columns of the files that match, in the order of the files' names."""
    files = sorted(glob.glob(pattern))
    assert files, "no files match " + pattern
    table = pa.concat_tables([pq.read_table(f) for f in files])
    return {name: column_of(table[name]) for name in table.column_names}


def read_tensors(folder):
    """The columns of a folder of tensors by name: the manifest says which is where."""
    with open(os.path.join(folder, "_quern", "manifest.json")) as f:
        fields = json.load(f)["fields"]
    arrays = {os.path.basename(path)[:-4]: np.load(path) for path in glob.glob(os.path.join(folder, "*.npy"))}
    parts = [load_file(path) for path in sorted(glob.glob(os.path.join(folder, "*.safetensors")))]
    for name in parts[0] if parts else []:
        arrays[name] = np.concatenate([part[name] for part in parts])
    if set(arrays) <= {"features", "ids", "labels"}:
        return matrix_columns(arrays, fields)
    return {f["name"]: arrays[f["name"]] for f in fields}


def matrix_columns(arrays, fields):
    """Splits the matrices features, ids and labels into named columns."""
    columns, used = {}, dict.fromkeys(arrays, 0)
    for field in fields:
        name = "features"
        if field["role"] == "label":
            name = "labels"
        elif field["type"] in INTEGERS + TIMES:
            name = "ids"
        columns[field["name"]] = arrays[name][:, used[name]]
        used[name] += 1
    assert all(used[n] == arrays[n].shape[1] for n in arrays), "a matrix has columns without a name"
    return columns
