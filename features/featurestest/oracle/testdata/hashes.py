"""Hashes of values by quern's documented bytes, with the xxhash and scikit-learn libraries."""

import struct

import numpy as np
import pandas as pd
import xxhash
from sklearn.utils import murmurhash3_32

NULL_PART = 0x6E756C6C  # what stands for the hash of a null part of a combination


def canonical(kind, value):
    """The bytes that hashing sees of a value that is not null."""
    if kind == "string":
        return value.encode()
    if kind == "bool":
        return bytes([int(value)])
    if kind in ("float32", "float64"):
        value = float("nan") if np.isnan(value) else value + 0.0  # -0 + 0 is 0
        bits = struct.unpack(">Q", struct.pack(">d", value))[0]
        if np.isnan(value):
            bits = 0x7FF8000000000000
        bits = ~bits & (1 << 64) - 1 if bits >> 63 else bits | 1 << 63
        return bits.to_bytes(8, "big")
    return ((int(value) + (1 << 63)) & (1 << 64) - 1).to_bytes(8, "big")


def hash_value(kind, value, function="xxh3", seed=0):
    data = canonical(kind, value)
    if function == "murmur3":
        return murmurhash3_32(data, seed=seed, positive=True)
    return xxhash.xxh3_64_intdigest(data, seed=seed & (1 << 64) - 1)


def codes_of(column):
    """A number for every distinct value of a column, -1 for null, and the values."""
    values = column.values
    if column.type in ("float32", "float64"):
        values = values + 0.0
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    return np.where(column.valid, codes, -1), distinct


def hash_column(column, function="xxh3", seed=0):
    """The hash of every row as uint64; garbage for null."""
    codes, distinct = codes_of(column)
    hashes = [hash_value(column.type, v, function, seed) for v in distinct]
    return np.array(hashes + [0], np.uint64)[codes]


def mixed(columns, seed=0):
    """The hash of the rows' tuples: that of the parts' hashes, one after the other."""
    parts = [np.where(c.valid, hash_column(c), np.uint64(NULL_PART)) for c in columns]
    tuples = np.stack(parts, axis=1).astype("<u8")
    distinct, inverse = np.unique(tuples, axis=0, return_inverse=True)
    seed &= (1 << 64) - 1
    hashes = np.array([xxhash.xxh3_64_intdigest(row.tobytes(), seed=seed) for row in distinct], np.uint64)
    return hashes[inverse.reshape(-1)]
