"""DuckDB; vocabularies as tables that are joined."""

from duckdb_enum import connect, ranked, standardized
from jobs import FIRST_ID, NULL_ID, NUMBERS, TEXTS


def joined(db, columns, select, out, codec):
    for c in columns:
        db.execute(f"CREATE TABLE v_{c} AS SELECT {c} AS word, CAST(row_number() OVER () + {FIRST_ID - 1} AS INTEGER) AS id FROM ({ranked(c)})")
    joins = " ".join(f"LEFT JOIN v_{c} ON t.{c} = v_{c}.word" for c in columns)
    ids = [f"coalesce(v_{c}.id, {NULL_ID}) AS {c}" for c in columns]
    # A join does not keep the order of rows: sorting by the row's number does.
    db.execute(
        f"COPY (SELECT {', '.join([*select, *ids, 'label'])} FROM (SELECT *, row_number() OVER () AS r FROM t) t {joins} ORDER BY r)"
        f" TO '{out}' (FORMAT parquet, COMPRESSION {codec})"
    )


def criteo(files, out, codec):
    db = connect(files)
    numbers = standardized(db, {c: f"ln(1 + CAST(greatest(coalesce({c}, 0), 0) AS DOUBLE))" for c in NUMBERS})
    joined(db, TEXTS, numbers, out, codec)


def strings(files, out, codec):
    joined(connect(files), ["key"], [], out, codec)
