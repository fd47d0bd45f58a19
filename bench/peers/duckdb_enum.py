"""DuckDB; vocabularies as ENUM types."""

import duckdb

from jobs import FIRST_ID, NULL_ID, NUMBERS, REALS, TEXTS, THREADS


def connect(files):
    db = duckdb.connect(config={"threads": THREADS})
    names = ", ".join(f"'{f}'" for f in files)
    db.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet([{names}])")
    return db


def ranked(c):
    return f"SELECT {c} FROM t WHERE {c} IS NOT NULL GROUP BY {c} ORDER BY count(*) DESC, {c}"


def vocabularies(db, columns):
    for c in columns:
        db.execute(f"CREATE TYPE e_{c} AS ENUM ({ranked(c)})")


def ids(c):
    return f"CAST(coalesce(enum_code(CAST({c} AS e_{c})) + {FIRST_ID}, {NULL_ID}) AS INTEGER) AS {c}"


def standardized(db, named):
    sums = ", ".join(f"avg({e}), stddev_pop({e})" for e in named.values())
    row = db.execute(f"SELECT {sums} FROM t").fetchone()
    return [f"CAST(({e} - {row[2 * i]!r}) / {row[2 * i + 1]!r} AS FLOAT) AS {c}" for i, (c, e) in enumerate(named.items())]


def write(db, select, out, codec):
    codec = "uncompressed" if codec == "uncompressed" else codec
    db.execute(f"COPY (SELECT {', '.join(select)} FROM t) TO '{out}' (FORMAT parquet, COMPRESSION {codec})")


def criteo(files, out, codec):
    db = connect(files)
    numbers = standardized(db, {c: f"ln(1 + CAST(greatest(coalesce({c}, 0), 0) AS DOUBLE))" for c in NUMBERS})
    vocabularies(db, TEXTS)
    write(db, [*numbers, *map(ids, TEXTS), "label"], out, codec)


def dense(files, out, codec):
    db = connect(files)
    logs = {c: f"ln(1 + CAST(CASE WHEN {c} IS NULL OR isnan({c}) THEN 0 ELSE {c} END AS DOUBLE))" for c in REALS}
    write(db, standardized(db, logs), out, codec)


def strings(files, out, codec):
    db = connect(files)
    vocabularies(db, ["key"])
    write(db, [ids("key"), "label"], out, codec)


def flights(files, out, codec):
    return flights_from(connect(files), out, codec)


def flights_csv(files, out, codec):
    db = duckdb.connect(config={"threads": THREADS})
    # Parsed once into a table: a CSV file is too slow to be read for every query.
    db.execute("CREATE TABLE t AS SELECT * FROM read_csv($1)", [files[0]])
    return flights_from(db, out, codec)


def flights_from(db, out, codec):
    import numpy as np

    from jobs import FIT_BEFORE

    db.execute(f"""CREATE VIEW r AS SELECT *, delay > 15 AS late, date < TIMESTAMP '{FIT_BEFORE}' AS taken, hash(date) % 5 AS fold
        FROM t WHERE distance > 0""")
    evening = "CASE WHEN hour(date) >= 17 THEN distance ELSE 0 END"
    median, mean, std = db.execute(f"SELECT median(distance), avg({evening}), stddev_pop({evening}) FROM r WHERE taken").fetchone()
    low, high = db.execute(f"SELECT quantile_cont(coalesce(distance, {median}), [0.01, 0.99]) FROM r WHERE taken").fetchone()[0]
    log = f"ln(1 + CAST(least(greatest(coalesce(distance, {median}), {low}), {high}) AS DOUBLE))"
    log_mean, log_std = db.execute(f"SELECT avg({log}), stddev_pop({log}) FROM r WHERE taken").fetchone()
    for c in ["origin", "destination"]:
        db.execute(f"""CREATE TABLE v_{c} AS SELECT {c}, row_number() OVER (ORDER BY n DESC, {c}) + {FIRST_ID - 1} AS id
            FROM (SELECT {c}, count(*) AS n FROM r WHERE taken AND {c} IS NOT NULL GROUP BY {c} HAVING count(*) >= 10)""")
        db.execute(f"CREATE TYPE e_{c} AS ENUM (SELECT {c} FROM v_{c} ORDER BY id)")
    db.execute("CREATE TABLE f AS SELECT origin, destination, fold, count(late) AS n, sum(late::INT) AS s FROM r WHERE taken GROUP BY ALL")
    db.execute("CREATE TABLE k AS SELECT origin, destination, sum(n) AS n, sum(s) AS s FROM f GROUP BY ALL")
    n, s = db.execute("SELECT sum(n), sum(s) FROM f").fetchone()
    db.execute(f"""CREATE TABLE training AS SELECT f.origin, f.destination, f.fold,
        (k.s - f.s + 20 * ({s} - p.s) / ({n} - p.n)) / (k.n - f.n + 20) AS late
        FROM f JOIN k ON f.origin IS NOT DISTINCT FROM k.origin AND f.destination IS NOT DISTINCT FROM k.destination
        JOIN (SELECT fold, sum(n) AS n, sum(s) AS s FROM f GROUP BY fold) p ON f.fold = p.fold""")
    db.execute(f"CREATE TABLE serving AS SELECT origin, destination, (s + 20 * {s} / {n}) / (n + 20) AS late FROM k")
    turns = {"month": "(month(date) - 1) / 12", "weekday": "(isodow(date) - 1) / 7", "hour": "hour(date) / 24"}
    circle = [f"CAST({f}(2 * pi() * {t}) AS FLOAT) AS date_{c}_{f}" for c, t in turns.items() for f in ("sin", "cos")]
    ids = [f"""CASE WHEN r.{c} IS NULL THEN {NULL_ID} ELSE coalesce(enum_code(TRY_CAST(r.{c} AS e_{c})) + {FIRST_ID}, 2) END::BIGINT AS {c}"""
           for c in ("origin", "destination")]
    same = "r.origin IS NOT DISTINCT FROM {0}.origin AND r.destination IS NOT DISTINCT FROM {0}.destination"
    db.execute(f"""CREATE TABLE made AS SELECT CAST(({log} - {log_mean}) / {log_std} AS FLOAT) AS distance, {", ".join(circle)},
        CAST(CASE WHEN r.taken THEN training.late ELSE coalesce(serving.late, {s} / {n}) END AS FLOAT) AS route_late,
        CAST(({evening} - {mean}) / {std} AS FLOAT) AS evening_miles, {", ".join(ids)},
        CAST(hash(r.origin, r.destination) % 4096 + 2 AS BIGINT) AS route, r.late, delay, row
        FROM (SELECT *, row_number() OVER () AS row FROM r) r LEFT JOIN training ON {same.format("training")} AND r.fold = training.fold
        LEFT JOIN serving ON {same.format("serving")}""")
    db.execute(f"COPY (SELECT * EXCLUDE row FROM made ORDER BY row) TO '{out}' (FORMAT parquet, COMPRESSION {codec})")
    columns = db.execute("SELECT * EXCLUDE row FROM made ORDER BY row").fetchnumpy()
    names = list(columns)
    np.save(out + ".features.npy", np.stack([columns[c] for c in names[:9]], axis=1))
    np.save(out + ".ids.npy", np.stack([columns[c] for c in names[9:12]], axis=1))
    np.save(out + ".labels.npy", np.ma.filled(columns["late"], False).astype(np.uint8))
