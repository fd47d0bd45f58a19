"""Operators on numbers, as their documentation defines them and as scikit-learn and numpy have them.

Every function takes the lanes, the options of the step and the context, and returns
the outputs as (suffix, Column). What it returns follows the definition, exactly;
ctx.agree compares that with the libraries.
"""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, RobustScaler, StandardScaler

import exact
from table import INTEGERS, REALS, Column, real


def real_type(kind):
    return "float32" if kind == "float32" else "float64"


def learnt(column, ctx, infinities=False):
    """The numbers to learn from: neither null nor NaN, nor infinite unless asked for."""
    x = column.values[ctx.learn & column.valid]
    if column.type in REALS:
        x = x[~np.isnan(x)] if infinities else x[np.isfinite(x)]
    return x


def after(column):
    """The slack of what is computed from a column: sums of inexact values are inexact."""
    return 0 if isinstance(column.slack, int) and column.slack == 0 else "float32"


def quantiles(x, at, rule, ctx):
    """Exact quantiles as fractions. numpy must agree, but for its rounded ranks."""
    ordered = np.sort(x)
    found = [exact.quantile(ordered, q, rule) for q in at]
    for q, mine in zip(at, found):
        rank = float(q * (len(x) - 1) if rule == "lower" else q * len(x))
        if rule == "linear" or abs(rank - round(rank)) > 1e-6:
            ctx.agree("numpy.quantile " + rule, exact.nearest(mine), np.quantile(x.astype(float), float(q), method=rule), scale=ordered)
    return found


def sklearn_fits(x):
    """Whether scikit-learn's own arithmetic carries the column: squares and sums of it
    neither leave float64 nor drown in the rounding of values far from zero."""
    x = x.astype(float)
    if len(x) == 0 or x.min() == x.max():
        return len(x) > 0
    largest = np.abs(x).max()
    return 1e-100 < largest < 1e100 and x.std() > 1e-12 * largest


def scaler(model, x, column):
    """What a scikit-learn scaler that learnt from x makes of the whole column."""
    values = np.where(column.valid, column.floats(), np.nan)
    values[np.isinf(values)] = np.nan
    return model.fit(x.astype(float).reshape(-1, 1)).transform(values.reshape(-1, 1))[:, 0]


def fill(lanes, options, ctx):
    (c,) = lanes
    with_, also_nan = options["with"], options.get("nan") == "fill"
    missing = ~c.valid
    if also_nan and c.type in REALS:
        missing = missing | np.isnan(c.values)
    kind, value = c.type, with_
    if with_ in ("mean", "median"):
        kind = real_type(c.type)
        x = learnt(c, ctx)
        value = exact.mean(x) if with_ == "mean" else exact.nearest(quantiles(x, [exact.decimal("0.5")], "linear", ctx)[0])
        if sklearn_fits(x):
            imputer = SimpleImputer(strategy=with_).fit(x.astype(float).reshape(-1, 1))
            ctx.agree("SimpleImputer " + with_, value, imputer.statistics_[0])
    elif with_ == "mode":
        x = learnt(c, ctx, infinities=True)
        value = pd.Series(x).mode().iloc[0]  # pandas sorts the modes
        if c.type in REALS and np.isfinite(x).all() or c.type in INTEGERS:
            ctx.agree("SimpleImputer most_frequent", value, SimpleImputer(strategy="most_frequent").fit(x.reshape(-1, 1)).statistics_[0])
    elif c.type == "datetime":
        value = pd.Timestamp(with_).value // 1000
    elif c.type in INTEGERS:
        kind = "float64" if isinstance(value, float) else c.type if -(2**31) <= value < 2**31 else "int64"
    values = c.values.astype(np.float64) if kind in REALS else c.values.copy()
    values[missing] = value
    everywhere = np.ones(len(c), bool)
    result = real(kind, values, everywhere, after(c)) if kind in REALS else Column(kind, values, everywhere)
    if options.get("indicator"):
        return [("", result), ("missing", Column("bool", missing, everywhere))]
    return [("", result)]


def clip(lanes, options, ctx):
    (c,) = lanes
    low, high = options.get("min"), options.get("max")
    if "quantiles" in options:
        rule = options.get("rule", "linear")
        low, high = quantiles(learnt(c, ctx), [exact.decimal(q) for q in options["quantiles"]], rule, ctx)
        whole = rule != "linear"
    else:
        whole = all(b is None or isinstance(b, int) for b in (low, high))
    if c.type in INTEGERS and whole:
        wide = any(b is not None and not -(2**31) <= b < 2**31 for b in (low, high))
        bounds = [None if b is None else int(b) for b in (low, high)]
        return [("", Column("int64" if wide else c.type, np.clip(c.values, *bounds), c.valid))]
    bounds = [None if b is None else float(b) for b in (low, high)]
    return [("", real(real_type(c.type), np.clip(c.floats(), *bounds), c.valid, after(c)))]


def log1p(lanes, options, ctx):
    (c,) = lanes
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.log1p(c.floats())
    return [("", real(real_type(c.type), y, c.valid, 2))]


def standardize(lanes, options, ctx):
    (c,) = lanes
    ddof, center, scale = options.get("ddof", 0), options.get("center", True), options.get("scale", True)
    x, y = learnt(c, ctx), c.floats()
    mean, std = exact.mean(x), exact.root(exact.variance(x, ddof))
    with np.errstate(invalid="ignore", over="ignore"):
        if std == 0 and options.get("constant", "zero") == "zero":
            y = np.where(np.isnan(y), y, 0.0)
        else:
            y = y - mean if center else y
            y = y / std if scale and std else y
    result = real(real_type(c.type), y, c.valid, after(c))
    if sklearn_fits(x) and std > 0:
        ctx.agree("numpy.std", std, np.std(x.astype(np.float64), ddof=ddof))
        if ddof == 0:
            ctx.agree("StandardScaler", y, scaler(StandardScaler(with_mean=center, with_std=scale), x, c), finite=True)
    return [("", result)]


def min_max(lanes, options, ctx):
    (c,) = lanes
    low, high = options.get("range", [0, 1])
    x, values = learnt(c, ctx), c.floats()
    least, most = float(x.min()), float(x.max())
    with np.errstate(invalid="ignore"):
        if least == most:
            y = np.where(np.isinf(values) & (not options.get("clip")), values, float(low))
            y = np.where(np.isnan(values), values, y)
        else:
            y = (values - least) / (most - least)
            if options.get("clip"):
                y = np.clip(y, 0, 1)
            if (low, high) != (0, 1):
                y = low + y * (float(high) - float(low))
    theirs = scaler(MinMaxScaler((low, high), clip=options.get("clip", False)), x, c)
    if least < most and np.abs(x).max() < 1e300 and most - least > 1e-290:
        ctx.agree("MinMaxScaler", y, theirs, finite=True)
    return [("", real(real_type(c.type), y, c.valid, after(c)))]


def robust(lanes, options, ctx):
    (c,) = lanes
    lower, upper = options.get("lower", 0.25), options.get("upper", 0.75)
    at = [exact.decimal(q) for q in (lower, 0.5, upper)]
    rule = options.get("rule", "linear")
    x = learnt(c, ctx)
    first, middle, last = [exact.nearest(q) for q in quantiles(x, at, rule, ctx)]
    y = (c.floats() - middle) / (last - first if first != last else 1.0)
    if rule == "linear" and sklearn_fits(x):
        theirs = scaler(RobustScaler(quantile_range=(100 * lower, 100 * upper)), x, c)
        ctx.agree("RobustScaler", y, theirs, finite=True)
    return [("", real(real_type(c.type), y, c.valid, after(c)))]


def bucketize(lanes, options, ctx):
    (c,) = lanes
    closed, nan = options.get("closed", "left"), options.get("nan", "own")
    x, n = learnt(c, ctx), options.get("uniform") or options.get("quantile")
    if "edges" in options:
        edges, n = np.array(options["edges"], float), len(options["edges"]) + 1
        if c.type == "float32":
            edges = edges.astype(np.float32).astype(float)
    else:
        borders = bucket_borders(x, options, n, ctx)
        edges = useful(borders, closed)
        if closed == "left_max":
            kbins_agrees(c, x, borders, edges, options, n, ctx)
    ids = np.digitize(c.floats(), edges, right=closed == "right")
    valid = c.valid
    if c.type in REALS:
        isnan = np.isnan(c.values)
        ids = np.where(isnan, {"own": n, "first": 0, "last": len(edges), "null": 0, None: 0}[nan], ids)
        valid = valid & ~isnan if nan in ("null", None) else valid
    return [("", Column("int64", ids.astype(np.int64), valid))]


def bucket_borders(x, options, n, ctx):
    """All n + 1 borders, the least and the greatest value included."""
    if "quantile" in options:
        at = [exact.Fraction(k, n) for k in range(n + 1)]
        return [exact.nearest(q) for q in quantiles(x, at, options.get("rule", "linear"), ctx)]
    low, high = exact.Fraction(x.min().item()), exact.Fraction(x.max().item())
    borders = [exact.nearest(low + (high - low) * k / n) for k in range(n + 1)]
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = np.linspace(float(low), float(high), n + 1)
    if np.isfinite(theirs).all():
        ctx.agree("numpy.linspace", np.array(borders), theirs, scale=x)
    return borders


def useful(borders, closed):
    """The inner borders that split the learnt values."""
    low, high = borders[0], borders[-1]
    inner = sorted(set(borders[1:-1]))
    if closed != "right":
        inner = [e for e in inner if e != low]
    if closed != "left":
        inner = [e for e in inner if e != high]
    return np.array(inner)


def kbins_agrees(c, x, borders, edges, options, n, ctx):
    """KBinsDiscretizer has the ids of `closed: left_max`, but for values that lie on
    a border in its rounding and not in ours, and for borders closer than 1e-8, which it drops."""
    if not sklearn_fits(x) or x.min() == x.max() or np.min(np.diff(np.unique(borders))) < 1e-7:
        return
    rule = options.get("rule", "linear")
    if rule == "lower":
        return  # which KBinsDiscretizer does not have
    method = {"quantile_method": rule} if "quantile" in options else {}
    model = KBinsDiscretizer(n, encode="ordinal", strategy="quantile" if "quantile" in options else "uniform", subsample=None, **method)
    model.fit(x.astype(float).reshape(-1, 1))
    values = c.floats()[c.valid & np.isfinite(c.floats())]
    theirs = model.transform(values.reshape(-1, 1))[:, 0]
    distance = np.min(np.abs(values[:, None] - edges[None, :]), axis=1)
    clear = distance > 1e-12 * np.abs(x).max()
    whole = np.isin(values, edges) & np.isin(values, model.bin_edges_[0])
    sure = clear | whole
    ctx.agree("KBinsDiscretizer", np.digitize(values, edges)[sure].astype(float), theirs[sure])


def pca(lanes, options, ctx):
    values = np.stack([c.floats() for c in lanes], axis=1)
    there = np.all([c.valid for c in lanes], axis=0)
    complete = there & ~np.isnan(values).any(axis=1)
    x = values[ctx.learn & complete]
    count = options.get("components") or len(lanes)
    model = PCA(svd_solver="full").fit(x)
    axes = model.components_[:count].copy()
    for axis in axes:
        size = np.abs(axis)
        if axis[np.flatnonzero(size >= size.max() * (1 - 1e-9))[0]] < 0:
            axis *= -1
    base = model.mean_ if options.get("center", True) else np.zeros(len(lanes))
    deviations = np.sqrt(model.explained_variance_)
    kind = "float32" if all(c.type == "float32" for c in lanes) else "float64"
    outputs = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, axis in enumerate(axes):
            y = np.where(complete, (np.where(complete[:, None], values, 0) - base) @ axis, np.nan)
            unit = deviations[0]
            if options.get("whiten"):
                flat = deviations[k] <= 1e-7 * deviations[0]
                y = y * 0 if flat else y / deviations[k]
                unit = deviations[0] / deviations[k] if not flat else 1
            far = np.abs(y[np.isfinite(y)]).max(initial=0)
            outputs.append((f"pc{k}", real(kind, y, there, np.full(len(y), 1e-6 * max(unit, far)))))
    return outputs
