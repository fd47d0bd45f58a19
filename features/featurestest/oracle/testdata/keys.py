"""Operators on categories and keys, by pandas, scikit-learn and xxhash."""

from fractions import Fraction

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

import exact
import hashes
from table import REALS, Column


def keyed(column):
    """The values with one zero only, so that equal values are equal keys."""
    return column.values + 0.0 if column.type in REALS else column.values


def ranked(values, options):
    """The vocabulary that values teach, in the order of pandas: count down, value up."""
    counts = pd.Series(values).value_counts(dropna=False, sort=False)
    counts = counts.reset_index().set_axis(["value", "count"], axis=1).sort_values("value")  # NaN last
    counts = counts.sort_values("count", ascending=False, kind="stable")
    counts = counts[counts["count"] >= max(1, options.get("min_count", 1))]
    if options.get("max_size"):
        counts = counts.head(options["max_size"])
    return counts["value"].to_numpy()


def by_value(words):
    return pd.Series(words).sort_values().to_numpy()


def given_words(kind, vocabulary):
    if kind in ("timestamp", "datetime"):
        return [pd.Timestamp(v).value // 1000 for v in vocabulary]
    if kind == "date":
        return [pd.Timestamp(v).value // 86_400_000_000_000 for v in vocabulary]
    if kind == "float32":
        return [float(np.float32(v)) for v in vocabulary]
    return vocabulary


def position(column, words):
    """The position of every row's value among words, -1 where it is not one of them."""
    return np.where(column.valid, pd.Index(words).get_indexer(keyed(column)), -1)


def categorify(lanes, options, ctx):
    padding, null_id, oov = options.get("padding", True), options.get("null_id", True), options.get("oov_buckets", 1)
    null = int(padding)
    unseen = null + int(null_id)
    first = unseen + oov
    if "vocabulary" in options:
        words = np.array(given_words(lanes[0].type, options["vocabulary"]))
    else:
        words = ranked(np.concatenate([keyed(c)[ctx.learn & c.valid] for c in lanes]), options)
        if options.get("order") == "value":
            words = by_value(words)
    outputs = []
    for c in lanes:
        at = position(c, words)
        ids, valid = at + first, np.ones(len(c), bool)
        lost = c.valid & (at < 0)
        if oov:
            ids = np.where(lost, unseen + (hashes.hash_column(c) % np.uint64(oov)).astype(np.int64), ids)
        nulls = ~c.valid | lost & (oov == 0)
        ids = np.where(nulls, null, ids)
        if not null_id:
            valid = ~nulls
        if options.get("order") == "value" and not options.get("min_count") and not options.get("joint"):
            encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
            encoder.fit(keyed(c)[ctx.learn & c.valid].reshape(-1, 1))
            theirs = encoder.transform(keyed(c)[c.valid].reshape(-1, 1))[:, 0]
            ctx.agree("OrdinalEncoder", at[c.valid].astype(float), theirs)
        outputs.append(("", Column("int64", ids.astype(np.int64), valid)))
    return outputs


def one_hot(lanes, options, ctx):
    (c,) = lanes
    known = keyed(c)[ctx.learn & c.valid]
    words = given_words(c.type, options["vocabulary"]) if "vocabulary" in options else by_value(ranked(known, options))
    everywhere, outputs, taken = np.ones(len(c), bool), [], set()
    at = position(c, words)
    for i in range(1 if options.get("drop") == "first" else 0, len(words)):
        outputs.append((free(taken, suffix(c.type, words[i])), Column("bool", at == i, everywhere)))
    if not set(options) & {"vocabulary", "min_count", "max_size", "drop"}:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(known.reshape(-1, 1))
        theirs = encoder.transform(keyed(c)[c.valid].reshape(-1, 1))
        mine = np.stack([o.values[c.valid] for _, o in outputs], axis=1)
        ctx.agree("OneHotEncoder", mine.astype(float).ravel(), theirs.ravel())
    if options.get("null_column"):
        outputs.append((free(taken, "null"), Column("bool", ~c.valid, everywhere)))
    return outputs


def suffix(kind, value):
    """A value as part of a column's name."""
    if kind in REALS:
        text = "nan" if np.isnan(value) else np.format_float_positional(np.float32(value) if kind == "float32" else value, trim="-")
    elif kind == "bool":
        text = str(bool(value)).lower()
    elif kind == "date":
        text = str(np.datetime64(int(value), "D"))
    else:
        text = str(value)
    return "".join(ch if ch.isalpha() or ch.isdecimal() or ch in "-._" else "_" for ch in text[:60]) or "empty"


def free(taken, name):
    candidate, n = name, 2
    while candidate in taken:
        candidate, n = f"{name}_{n}", n + 1
    taken.add(candidate)
    return candidate


def tuple_codes(lanes):
    """A number for every distinct tuple; null and NaN are values."""
    codes, sizes = np.zeros(len(lanes[0]), np.int64), 1
    for c in lanes:
        part, distinct = hashes.codes_of(c)
        codes = codes * (len(distinct) + 1) + part + 1
        codes, distinct = pd.factorize(codes)
    return codes


def count_encode(lanes, options, ctx):
    everywhere = np.ones(len(lanes[0]), bool)
    codes = tuple_codes(lanes)
    counts = pd.Series(codes[ctx.learn]).value_counts()
    y = pd.Series(codes).map(counts).fillna(0).to_numpy(np.int64)
    if options.get("normalize"):
        return [("", Column("float64", y / ctx.learn.sum(), everywhere))]
    return [("", Column("int64", y, everywhere))]


def hash_bucket(lanes, options, ctx):
    (c,) = lanes
    h = hashes.hash_column(c, options.get("hash", "xxh3"), options.get("seed", 0))
    return [("", bucket_ids(h, c.valid, options))]


def cross(lanes, options, ctx):
    h = hashes.mixed(lanes, options.get("seed", 0))
    return [("", bucket_ids(h, np.any([c.valid for c in lanes], axis=0), options))]


def bucket_ids(h, valid, options):
    padding, null_id = int(options.get("padding", True)), options.get("null_id", True)
    ids = (h % np.uint64(options["buckets"])).astype(np.int64) + padding + int(null_id)
    return Column("int64", np.where(valid, ids, padding), np.ones(len(ids), bool) if null_id else valid)


class Moments:
    """Exact count, sum and sum of squares of a target, as integers and fractions."""

    def __init__(self, n=0, s1=Fraction(0), s2=Fraction(0)):
        self.n, self.s1, self.s2 = n, s1, s2

    def __sub__(self, other):
        return Moments(self.n - other.n, self.s1 - other.s1, self.s2 - other.s2)

    def variance(self):
        return self.s2 / self.n - (self.s1 / self.n) ** 2


def shrunk(key, whole, smoothing):
    """The estimate of a key's mean that the documentation defines, rounded once."""
    prior = Fraction(whole.s1) / whole.n
    if smoothing != "auto":
        m = exact.decimal(smoothing)
        return exact.nearest((key.s1 + m * prior) / (key.n + m)) if key.n + m else exact.nearest(prior)
    if key.n == 0:
        return exact.nearest(prior)
    v, u = whole.variance(), key.variance()
    if v * key.n + u == 0:
        return exact.nearest(prior)
    w = v * key.n / (v * key.n + u)
    return exact.nearest(w * key.s1 / key.n + (1 - w) * prior)


def moments_by(codes, target):
    """The moments of every code, by pandas for integers and by fractions for reals."""
    whole = target.dtype != np.float64
    values = pd.Series(target.astype(np.int64)) if whole else pd.Series([Fraction(v) for v in target], dtype=object)
    groups = pd.DataFrame({"key": codes, "s1": values, "s2": values * values}).groupby("key")
    sums, sizes = groups[["s1", "s2"]].sum(), groups.size()
    exactly = (lambda v: Fraction(int(v))) if whole else Fraction  # a Fraction of numpy's integers would overflow
    return {int(k): Moments(int(sizes[k]), exactly(s1), exactly(s2)) for k, s1, s2 in zip(sizes.index, sums["s1"], sums["s2"])}


def target_encode(lanes, options, ctx):
    target, folds = ctx.column(options["target"]), options.get("folds", 5)
    smoothing = options.get("smoothing", 20)
    codes = tuple_codes(lanes)
    rows = ctx.learn & target.valid
    fold = np.zeros(len(codes), np.int64)
    if folds > 1:
        by = [ctx.column(name) for name in options["folds_by"]]
        h = hashes.mixed(by) if len(by) > 1 else np.where(by[0].valid, hashes.hash_column(by[0]), np.uint64(hashes.NULL_PART))
        fold = (h % np.uint64(folds)).astype(np.int64)
    parts = moments_by(codes[rows] * folds + fold[rows], target.values[rows])
    keys, per_fold, whole = {}, [Moments() for _ in range(folds)], Moments()
    for code, m in parts.items():
        for total in (keys.setdefault(code // folds, Moments()), per_fold[code % folds], whole):
            total.n, total.s1, total.s2 = total.n + m.n, total.s1 + m.s1, total.s2 + m.s2
    served = {k: shrunk(m, whole, smoothing) for k, m in keys.items()}
    serving = pd.Series(codes).map(served).fillna(shrunk(Moments(), whole, smoothing)).to_numpy(float)
    encoder_agrees(codes, rows, target, smoothing, serving, ctx)
    training = serving
    if folds > 1:
        others = out_of_fold(codes, fold, rows, target, smoothing, parts, keys, per_fold, whole, folds, ctx)
        training = np.where(ctx.learn, others, serving)
    served = Column("float64", serving, np.ones(len(codes), bool))
    return [("", Column("float64", training, ~np.isnan(training), served=served))]


def out_of_fold(codes, fold, rows, target, smoothing, parts, keys, per_fold, whole, folds, ctx):
    """For every row the estimate from the rows of all other folds."""
    both = codes * folds + fold
    estimates = {}
    for code in np.unique(both):
        key, f = divmod(int(code), folds)
        others = whole - per_fold[f]
        own = keys.get(key, Moments()) - parts.get(int(code), Moments())
        estimates[code] = shrunk(own, others, smoothing) if others.n else np.nan
    y = pd.Series(both).map(estimates).to_numpy(float)
    for f in range(folds):
        here, learn = ctx.learn & (fold == f), rows & (fold != f)
        if here.any() and learn.any():
            encoder_agrees(codes, learn, target, smoothing, y, ctx, here)
    return y


def encoder_agrees(codes, learn, target, smoothing, mine, ctx, where=None):
    """TargetEncoder, taught the rows of learn, gives mine."""
    encoder = TargetEncoder(smooth=smoothing if smoothing == "auto" else float(smoothing), target_type="continuous")
    y = target.values[learn].astype(float)
    if y.std() == 0:
        return  # its "auto" divides 0 by 0
    encoder.fit(codes[learn].reshape(-1, 1), y)
    where = slice(None) if where is None else where
    ctx.agree("TargetEncoder", mine[where], encoder.transform(codes[where].reshape(-1, 1))[:, 0])
