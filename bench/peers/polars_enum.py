"""Polars, streaming engine; vocabularies as Enum types."""

import polars as pl

from jobs import FIRST_ID, NULL_ID, NUMBERS, REALS, TEXTS


def vocabularies(lf, columns):
    queries = [
        lf.select(c).drop_nulls().group_by(c).len().sort(["len", c], descending=[True, False]).select(c) for c in columns
    ]
    return dict(zip(columns, (df[c] for df, c in zip(pl.collect_all(queries, engine="streaming"), columns))))


def ids(column, words):
    return (pl.col(column).cast(pl.Enum(words)).to_physical().cast(pl.Int32) + FIRST_ID).fill_null(NULL_ID).alias(column)


def standardized(lf, named):
    """named: column -> expression that is to be standardized."""
    fit = lf.select(
        *[e.mean().alias(c + "_mean") for c, e in named.items()], *[e.std(ddof=0).alias(c + "_std") for c, e in named.items()]
    ).collect(engine="streaming").row(0, named=True)
    return [((e - fit[c + "_mean"]) / fit[c + "_std"]).cast(pl.Float32).alias(c) for c, e in named.items()]


def sink(lf, out, codec):
    lf.sink_parquet(out, compression=codec, engine="streaming")


def criteo(files, out, codec):
    lf = pl.scan_parquet(files)
    logs = {c: pl.col(c).fill_null(0).clip(lower_bound=0).cast(pl.Float64).log1p() for c in NUMBERS}
    numbers = standardized(lf, logs)
    words = vocabularies(lf, TEXTS)
    sink(lf.select(*numbers, *[ids(c, words[c]) for c in TEXTS], "label"), out, codec)


def dense(files, out, codec):
    lf = pl.scan_parquet(files)
    # Float64 after the logarithm, as quern: one rounding, at the end.
    logs = {c: pl.col(c).fill_nan(0).fill_null(0).cast(pl.Float64).log1p() for c in REALS}
    sink(lf.select(standardized(lf, logs)), out, codec)


def strings(files, out, codec):
    lf = pl.scan_parquet(files)
    words = vocabularies(lf, ["key"])
    sink(lf.select(ids("key", words["key"]), "label"), out, codec)


def flights(files, out, codec):
    return flights_from(pl.scan_parquet(files), out, codec)


def flights_csv(files, out, codec):
    # Parsed once: a CSV file is too slow to be read for every query.
    return flights_from(pl.read_csv(files[0], try_parse_dates=True).lazy(), out, codec)


def out_of_fold(lf, learnt):
    """The shrunk mean of `late` per route: of the other folds where a row was learnt from."""
    key = ["origin", "destination"]
    sums = learnt.group_by(*key, "fold").agg(pl.col("late").count().alias("n"), pl.col("late").sum().alias("s")).collect(engine="streaming")
    folds = sums.group_by("fold").agg(pl.col("n").sum().alias("fold_n"), pl.col("s").sum().alias("fold_s"))
    whole = sums.group_by(key).agg(pl.col("n").sum().alias("key_n"), pl.col("s").sum().alias("key_s"))
    n, s = sums["n"].sum(), sums["s"].sum()
    prior = (s - pl.col("fold_s")) / (n - pl.col("fold_n"))
    others = sums.join(whole, on=key, nulls_equal=True).join(folds, on="fold").select(
        *key, "fold", ((pl.col("key_s") - pl.col("s") + 20 * prior) / (pl.col("key_n") - pl.col("n") + 20)).alias("training")
    )
    serving = whole.select(*key, ((pl.col("key_s") + 20 * s / n) / (pl.col("key_n") + 20)).alias("serving"))
    # A route of one fold only has no other rows: it gets the prior of the others.
    lf = lf.join(others.lazy(), on=[*key, "fold"], how="left", nulls_equal=True, maintain_order="left")
    lf = lf.join(serving.lazy(), on=key, how="left", nulls_equal=True, maintain_order="left")
    return lf.with_columns(pl.when("taken").then("training").otherwise(pl.col("serving").fill_null(s / n)).alias("route_late"))


def flights_from(lf, out, codec):
    import datetime

    import numpy as np

    from jobs import FIT_BEFORE

    lf = lf.filter(pl.col("distance") > 0).with_columns(
        late=pl.col("delay") > 15, taken=pl.col("date") < datetime.datetime.fromisoformat(FIT_BEFORE), fold=pl.col("date").hash() % 5
    )
    learnt = lf.filter("taken")
    evening = pl.when(pl.col("date").dt.hour() >= 17).then("distance").otherwise(0).cast(pl.Float64)
    first = learnt.select(
        pl.col("distance").median().alias("median"), evening.mean().alias("mean"), evening.std(ddof=0).alias("std")
    ).collect(engine="streaming").row(0, named=True)
    filled = pl.col("distance").fill_null(first["median"])
    low, high = learnt.select(
        filled.quantile(0.01, "linear").alias("low"), filled.quantile(0.99, "linear").alias("high")
    ).collect(engine="streaming").row(0)
    log = filled.clip(low, high).cast(pl.Float64).log1p()
    mean, std = learnt.select(log.mean(), log.std(ddof=0).alias("std")).collect(engine="streaming").row(0)
    ids = []
    for c in ["origin", "destination"]:
        words = learnt.select(c).drop_nulls().group_by(c).len().filter(pl.col("len") >= 10)
        words = words.sort(["len", c], descending=[True, False]).collect(engine="streaming")[c]
        code = pl.col(c).cast(pl.Enum(words), strict=False).to_physical().cast(pl.Int64) + FIRST_ID
        ids.append(pl.when(pl.col(c).is_null()).then(NULL_ID).otherwise(code.fill_null(2)).alias(c))
    angles = {
        "month": (pl.col("date").dt.month() - 1).cast(pl.Float64) / 12,
        "weekday": (pl.col("date").dt.weekday() - 1).cast(pl.Float64) / 7,
        "hour": pl.col("date").dt.hour().cast(pl.Float64) / 24,
    }
    circle = [f for c, a in angles.items() for f in ((a * 2 * np.pi).sin().alias(f"date_{c}_sin"), (a * 2 * np.pi).cos().alias(f"date_{c}_cos"))]
    lf = out_of_fold(lf, learnt)
    real = [
        ((log - mean) / std).alias("distance"), *circle, pl.col("route_late"), ((evening - first["mean"]) / first["std"]).alias("evening_miles"),
    ]
    route = (pl.struct("origin", "destination").hash() % 4096 + 2).cast(pl.Int64).alias("route")
    made = lf.select(*[e.cast(pl.Float32) for e in real], *ids, route, "late", "delay").collect(engine="streaming")
    made.write_parquet(out, compression=codec)
    np.save(out + ".features.npy", made.select(pl.col(pl.Float32)).to_numpy(order="c"))
    np.save(out + ".ids.npy", made.select("origin", "destination", "route").to_numpy(order="c"))
    np.save(out + ".labels.npy", made["late"].cast(pl.UInt8).to_numpy())
