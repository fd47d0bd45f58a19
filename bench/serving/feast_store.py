"""Makes a repository of Feast and loads a table into its online store.

    feast_store.py FOLDER TABLE.parquet REDIS_PORT     port 0: a store of SQLite

Prints one line of JSON: the seconds that loading took, the most memory in bytes, and the
versions of what took part. The table has id, event and features f00, f01, ...; a service
"all" has all of them. Rows are written a piece at a time, as pushing does, which takes less
memory than `feast materialize` for the same rows.
"""

import json
import os
import resource
import sys
import time
from datetime import timedelta

import feast
import pyarrow.parquet
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float32
from feast.value_type import ValueType

PIECE = 20_000
SETTINGS = """project: bench
provider: local
registry: {folder}/registry.db
entity_key_serialization_version: 3
online_store: {online}
offline_store: {{type: file}}
"""


def repository(folder: str, table: str, port: int) -> FeatureStore:
    """Writes the settings and registers entity, view and service."""
    online = "{type: redis, connection_string: '127.0.0.1:%d'}" % port if port else "{type: sqlite, path: %s/online.db}" % folder
    with open(os.path.join(folder, "feature_store.yaml"), "w", encoding="utf-8") as file:
        file.write(SETTINGS.format(folder=folder, online=online))
    names = [name for name in pyarrow.parquet.read_schema(table).names if name not in ("id", "event")]
    entity = Entity(name="id", join_keys=["id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="bench",
        entities=[entity],
        ttl=timedelta(days=7),
        schema=[Field(name=name, dtype=Float32) for name in names],
        source=FileSource(path=table, timestamp_field="event"),
    )
    store = FeatureStore(repo_path=folder)
    store.apply([entity, view, FeatureService(name="all", features=[view])])
    return store


def main() -> None:
    folder, table, port = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
    os.makedirs(folder, exist_ok=True)
    store = repository(folder, table, port)
    start = time.monotonic()
    for piece in pyarrow.parquet.ParquetFile(table).iter_batches(PIECE):
        store.write_to_online_store("bench", df=piece.to_pandas())
    print(json.dumps({
        "load_s": time.monotonic() - start,
        "load_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        "feast": feast.__version__,
        "python": sys.version.split()[0],
    }))


if __name__ == "__main__":
    main()
