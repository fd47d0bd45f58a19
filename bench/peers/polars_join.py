"""Polars, streaming engine; vocabularies as tables that are joined."""

import polars as pl

from jobs import FIRST_ID, NULL_ID, NUMBERS, TEXTS
from polars_enum import sink, standardized, vocabularies


def joined(lf, words):
    for c, series in words.items():
        table = pl.LazyFrame({c: series, c + "_id": pl.Series(range(FIRST_ID, FIRST_ID + len(series)), dtype=pl.Int32)})
        lf = lf.join(table, on=c, how="left", maintain_order="left").with_columns(pl.col(c + "_id").fill_null(NULL_ID))
    return lf


def strings(files, out, codec):
    lf = pl.scan_parquet(files)
    words = vocabularies(lf, ["key"])
    sink(joined(lf, words).select(pl.col("key_id").alias("key"), "label"), out, codec)


def criteo(files, out, codec):
    lf = pl.scan_parquet(files)
    logs = {c: pl.col(c).fill_null(0).clip(lower_bound=0).cast(pl.Float64).log1p() for c in NUMBERS}
    numbers = standardized(lf, logs)
    words = vocabularies(lf, TEXTS)
    sink(joined(lf, words).select(*numbers, *[pl.col(c + "_id").alias(c) for c in TEXTS], "label"), out, codec)
