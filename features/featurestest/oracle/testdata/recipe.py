"""A recipe and its source, carried out by the oracles: what every output column must hold."""

import os

import numpy as np
import yaml

import expressions
import keys
import numeric
import times
from table import read_parquet

OPERATORS = {
    "fill": numeric.fill, "clip": numeric.clip, "log1p": numeric.log1p, "standardize": numeric.standardize,
    "min_max": numeric.min_max, "robust": numeric.robust, "bucketize": numeric.bucketize, "pca": numeric.pca,
    "categorify": keys.categorify, "one_hot": keys.one_hot, "count_encode": keys.count_encode,
    "hash_bucket": keys.hash_bucket, "cross": keys.cross, "target_encode": keys.target_encode,
    "datetime": times.datetime, "cast": times.cast,
}
TOGETHER = ("pca", "cross", "target_encode")  # take all lanes of their chain at once


class Context:
    """What an operator's oracle may look at beside its lanes."""

    def __init__(self, recipe, source, learn, report):
        self.recipe, self.source, self.learn, self.report = recipe, source, learn, report
        self.rows = len(learn)
        self.labels, self.features = {}, {}
        self.place = ""
        self.compared = {}  # values compared, by library

    def column(self, name):
        """A source column, a label or an earlier feature."""
        if name.startswith("features."):
            return self.features[name[len("features."):]]
        return self.labels[name] if name in self.labels else self.source[name]

    def agree(self, library, mine, theirs, scale=None, finite=False):
        """The definition and a library agree within one float32 ulp of max(1, |value|),
        or of the largest value of scale, whose rounding the library cannot escape."""
        mine, theirs = np.atleast_1d(np.asarray(mine, float)), np.atleast_1d(np.asarray(theirs, float))
        if finite:
            keep = np.isfinite(theirs)
            mine, theirs = mine[keep], theirs[keep]
        size = np.maximum(1, np.abs(mine))
        if scale is not None and len(scale):
            size = np.maximum(size, 1e-8 * np.abs(scale.astype(float)).max())
        with np.errstate(invalid="ignore", over="ignore"):
            bad = ~((mine == theirs) | (np.abs(mine - theirs) <= float32_ulp(size)) | np.isnan(mine) & np.isnan(theirs))
        name = library.split()[0]
        self.compared[name] = self.compared.get(name, 0) + len(mine)
        for i in np.flatnonzero(bad)[:3]:
            self.report(f"{self.place}: {library} has {theirs[i]!r}, the definition {mine[i]!r} (value {i})")


def float32_ulp(size):
    """The distance between float32 numbers at size, also beyond float32's range."""
    return np.exp2(np.floor(np.log2(size)) - 23)


def expected(path, report):
    """All output columns of a recipe's run, by name, and the context that made them."""
    with open(path) as f:
        recipe = yaml.safe_load(f)
    source = read_parquet(os.path.join(os.path.dirname(path), recipe["source"]["parquet"]))
    rows = len(next(iter(source.values())))
    if "where" in recipe["source"]:
        keep = expressions.evaluate(recipe["source"]["where"], source, rows)
        kept = np.flatnonzero(keep.values & keep.valid)
        source, rows = {n: c.take(kept) for n, c in source.items()}, len(kept)
    learn = np.ones(rows, bool)
    if "fit" in recipe:
        condition = expressions.evaluate(recipe["fit"]["where"], source, rows)
        learn = condition.values & condition.valid
    ctx = Context(recipe, source, learn, report)
    for name, text in recipe.get("label", {}).items():
        ctx.labels[name] = source[text] if text in source else expressions.evaluate(text, source, rows)
    outputs = {name: source[name] for name in recipe.get("keep", [])} | ctx.labels
    for feature in recipe["features"]:
        for name, column in chain(feature, ctx):
            assert name not in outputs, name
            ctx.features[name] = outputs[name] = column
    return outputs, ctx


def chain(feature, ctx):
    """The named columns that one feature makes."""
    name = feature.get("name")
    if "expr" in feature:
        lanes = [(name, expressions.evaluate(feature["expr"], ctx.source, ctx.rows), False)]
    else:
        lanes = [(c.removeprefix("features."), ctx.column(c), False) for c in feature["columns"]]
        if name and len(lanes) == 1:
            lanes = [(name, lanes[0][1], False)]
    for step in feature.get("steps", []):
        operator, options = (step, {}) if isinstance(step, str) else next(iter(step.items()))
        lanes = apply(operator, options, lanes, name, ctx)
    pattern = feature.get("as", "{column}")
    return [(pattern.replace("{column}", n), c) for n, c, _ in lanes]


def apply(operator, options, lanes, name, ctx):
    """The lanes after one step. By-products (fill's indicator) pass the later steps by."""
    aside, lanes = [l for l in lanes if l[2]], [l for l in lanes if not l[2]]
    if operator == "keep":
        return [l for l in lanes if l[0] in options["columns"]] + aside
    if operator == "drop":
        return [l for l in lanes if l[0] not in options["columns"]] + aside
    if operator == "rename":
        return [(options["to"].replace("{column}", n).replace("{name}", n), c, a) for n, c, a in lanes] + aside
    together = operator in TOGETHER or options.get("joint")
    result = []
    for group in [lanes] if together else [[l] for l in lanes]:
        base = group[0][0] if len(group) == 1 else name
        ctx.place = f"{operator} {options} of {', '.join(l[0] for l in group)}"
        outputs = OPERATORS[operator]([l[1] for l in group], options, ctx)
        for i, (suffix, column) in enumerate(outputs):
            own = group[i][0] if suffix == "" and len(group) == len(outputs) else base
            result.append((f"{own}_{suffix}" if suffix else own, column, suffix == "missing"))
    return result + aside
