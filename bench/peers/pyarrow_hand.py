"""pyarrow and numpy by hand: row group by row group, texts by their dictionaries,
two threads over the columns."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from jobs import FIRST_ID, FIT_BEFORE, NULL_ID, NUMBERS, REALS, TEXTS, THREADS

pa.set_cpu_count(THREADS)
pool = ThreadPoolExecutor(THREADS)


def counted(column):
    """Distinct values of a dictionary column of one row group, and their counts."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    codes = column.indices.drop_null().to_numpy()
    return column.dictionary, np.bincount(codes, minlength=len(column.dictionary))


def ranked(counts):
    words = pa.concat_arrays([d.cast(pa.string()) for d, _ in counts])
    table = pa.table({"word": words, "n": np.concatenate([n for _, n in counts])})
    table = table.group_by("word", use_threads=False).aggregate([("n", "sum")])
    return table.sort_by([("n_sum", "descending"), ("word", "ascending")])["word"].combine_chunks()


class Moments:
    """Count, mean and sum of squared distances, merged by Chan's formula."""

    def __init__(self):
        self.n, self.mean, self.square = 0, 0.0, 0.0

    def add(self, x):
        n, mean = len(x), float(x.mean())
        square = float(np.square(x - mean).sum())
        step, both = mean - self.mean, self.n + n
        self.square += square + step * step * self.n * n / both
        self.mean += step * n / both
        self.n = both

    def scale(self):
        return self.mean, (self.square / self.n) ** 0.5


def logs(column):
    x = pc.fill_null(column, 0).to_numpy().astype(np.float64)
    np.maximum(x, 0, out=x)
    return np.log1p(x, out=x)


def finite_logs(column):
    x = pc.fill_null(column, 0).to_numpy().astype(np.float64)
    x[np.isnan(x)] = 0
    return np.log1p(x, out=x)


def fit(f, numbers, log, texts):
    moments, counts = {c: Moments() for c in numbers}, {c: [] for c in texts}

    def one(c, column):
        if c in moments:
            moments[c].add(log(column))
        else:
            counts[c].append(counted(column))

    for g in range(f.num_row_groups):
        table = f.read_row_group(g, columns=[*numbers, *texts])
        list(pool.map(lambda c: one(c, table[c]), table.column_names))
    words = dict(zip(texts, pool.map(lambda c: ranked(counts[c]), texts)))
    return {c: m.scale() for c, m in moments.items()}, words


def transform(f, scales, log, words, others, out, codec):
    def one(c, column):
        if c in scales:
            mean, std = scales[c]
            x = log(column)
            x -= mean
            x /= std
            return pa.array(x.astype(np.float32))
        if c in words:
            column = column.combine_chunks()
            ids = pc.index_in(column.dictionary.cast(pa.string()), words[c]).to_numpy(zero_copy_only=False).astype(np.int32) + FIRST_ID
            codes = pc.fill_null(column.indices, len(ids)).to_numpy()
            return pa.array(np.append(ids, np.int32(NULL_ID))[codes])
        return column.combine_chunks()

    names = [*scales, *words, *others]
    writer = None
    for g in range(f.num_row_groups):
        table = f.read_row_group(g, columns=names)
        result = pa.table(dict(zip(names, pool.map(lambda c: one(c, table[c]), names))))
        if writer is None:
            # Dictionaries for ids only: real numbers are not worth one.
            writer = pq.ParquetWriter(out, result.schema, compression=codec.replace("uncompressed", "none"), use_dictionary=list(words))
        writer.write_table(result)
    writer.close()


def criteo(files, out, codec):
    f = pq.ParquetFile(files[0], read_dictionary=TEXTS)
    scales, words = fit(f, NUMBERS, logs, TEXTS)
    transform(f, scales, logs, words, ["label"], out, codec)


def dense(files, out, codec):
    f = pq.ParquetFile(files[0])
    scales, _ = fit(f, REALS, finite_logs, [])
    transform(f, scales, finite_logs, {}, [], out, codec)


def strings(files, out, codec):
    # Dictionaries do not help here: half of the texts are different.
    f = pq.ParquetFile(files[0])
    column = f.read(columns=["key"])["key"]
    table = pa.table({"word": column}).group_by("word").aggregate([([], "count_all")])
    words = table.sort_by([("count_all", "descending"), ("word", "ascending")])["word"].combine_chunks()
    ids = pc.add(pc.index_in(column, words), pa.scalar(FIRST_ID, pa.int32()))
    label = f.read(columns=["label"])["label"]
    pq.write_table(pa.table({"key": pc.fill_null(ids, NULL_ID), "label": label}), out, compression=codec)


def flights(files, out, codec):
    return flights_from(pq.read_table(files[0], read_dictionary=["origin", "destination"]), out, codec)


def flights_csv(files, out, codec):
    options = csv.ConvertOptions(column_types={"origin": pa.dictionary(pa.int32(), pa.string()), "destination": pa.dictionary(pa.int32(), pa.string())})
    return flights_from(csv.read_csv(files[0], convert_options=options), out, codec)


def categorified(column, taken):
    """Ids of a dictionary column, and codes of its values (null the last)."""
    column = column.unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    words = np.array(column.dictionary.to_pylist(), dtype=object)
    codes = pc.fill_null(column.indices, len(words)).to_numpy()
    counts = np.bincount(codes[taken], minlength=len(words) + 1)[:-1]
    order = [i for i in sorted(range(len(words)), key=lambda i: (-counts[i], words[i])) if counts[i] >= 10]
    ids = np.full(len(words) + 1, 2, dtype=np.int64)
    ids[order] = np.arange(len(order)) + FIRST_ID
    ids[-1] = NULL_ID
    return ids[codes], codes.astype(np.int64)


def shrunk(late, known, route, fold, taken, routes):
    """The shrunk mean of late per route: of the other folds where a row was learnt from."""
    at = taken & known
    cell = route[at] * 5 + fold[at]
    n = np.bincount(cell, minlength=routes * 5).reshape(routes, 5).astype(float)
    s = np.bincount(cell, weights=late[at], minlength=routes * 5).reshape(routes, 5)
    total_n, total_s, fold_n, fold_s = n.sum(), s.sum(), n.sum(0), s.sum(0)
    prior = (total_s - fold_s) / (total_n - fold_n)
    training = (s.sum(1, keepdims=True) - s + 20 * prior) / (n.sum(1, keepdims=True) - n + 20)
    serving = (s.sum(1) + 20 * total_s / total_n) / (n.sum(1) + 20)
    return np.where(taken, training[route, fold], serving[route])


def flights_from(table, out, codec):
    table = table.filter(pc.greater(table["distance"], 0))
    date = table["date"].cast(pa.timestamp("us")).combine_chunks().to_numpy().astype("datetime64[us]")
    taken = date < np.datetime64(FIT_BEFORE)
    micros = date.astype(np.int64)
    distance = table["distance"].to_numpy().astype(np.float64)  # no nulls are left
    low, high = np.quantile(distance[taken], [0.01, 0.99])
    logs = np.log1p(np.clip(distance, low, high))
    reals = {"distance": (logs - logs[taken].mean()) / logs[taken].std()}
    days = micros // 86_400_000_000
    hour = micros // 3_600_000_000 % 24
    month = date.astype("datetime64[M]").astype(np.int64) % 12
    for name, part, period in (("month", month, 12), ("weekday", (days + 3) % 7, 7), ("hour", hour, 24)):
        angles = 2 * np.pi * np.arange(period) / period
        reals[f"date_{name}_sin"], reals[f"date_{name}_cos"] = np.sin(angles)[part], np.cos(angles)[part]
    ids, codes = zip(*(categorified(table[c], taken) for c in ("origin", "destination")))
    many = int(codes[1].max()) + 1
    route = codes[0] * many + codes[1]
    delay = table["delay"]
    known = pc.is_valid(delay).to_numpy()
    late = pc.fill_null(pc.greater(delay, 15), False).to_numpy()
    mixed = (micros.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    reals["route_late"] = shrunk(late, known, route, (mixed % np.uint64(5)).astype(np.int64), taken, int(route.max()) + 1)
    evening = np.where(hour >= 17, distance, 0)
    reals["evening_miles"] = (evening - evening[taken].mean()) / evening[taken].std()
    hashed = ((route.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(52)).astype(np.int64) + 2
    features = np.stack([x.astype(np.float32) for x in reals.values()], axis=1)
    columns = {c: np.ascontiguousarray(features[:, i]) for i, c in enumerate(reals)}
    columns |= {"origin": ids[0], "destination": ids[1], "route": hashed, "late": pc.greater(delay, 15), "delay": delay}
    pq.write_table(pa.table(columns), out, compression=codec)
    np.save(out + ".features.npy", features)
    np.save(out + ".ids.npy", np.stack([*ids, hashed], axis=1))
    np.save(out + ".labels.npy", late.astype(np.uint8))
