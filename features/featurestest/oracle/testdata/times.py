"""datetime and cast, by pandas and numpy."""

import re

import numpy as np
import pandas as pd

from table import INTEGERS, REALS, TIMES, Column, real

PERIODS = {  # first value and period of the parts that come round
    "semester": (1, 2), "quarter": (1, 4), "month": (1, 12), "week": (1, 53), "day": (1, 31), "day_of_year": (1, 366),
    "weekday": (0, 7), "hour": (0, 24), "minute": (0, 60), "second": (0, 60), "microsecond": (0, 1_000_000),
}


def moments(column, zone=None):
    """The column as a pandas Series of times: of an instant, the wall clock of zone."""
    values = np.where(column.valid, column.values, 0)
    if column.type == "date":
        return pd.Series(values.astype("datetime64[D]").astype("datetime64[us]"))
    s = pd.Series(values.astype("datetime64[us]"))
    if column.type == "timestamp":
        s = s.dt.tz_localize("UTC").dt.tz_convert(zone)
    return s


def part_of(series, part):
    t = series.dt
    if part == "semester":
        return (t.month - 1) // 6 + 1
    if part == "week":
        return t.isocalendar().week
    if part == "is_weekend":
        return t.weekday >= 5
    return getattr(t, {"day_of_year": "dayofyear"}.get(part, part))


def datetime(lanes, options, ctx):
    (c,) = lanes
    series, outputs = moments(c, options.get("zone")), []
    for part in options["parts"]:
        value = part_of(series, part).to_numpy(np.int64)
        if not options.get("cyclical"):
            outputs.append((part, Column("int64", value, c.valid)))
            continue
        first, period = PERIODS[part]
        angle = 2 * np.pi * (value - first).astype(float) / period
        outputs.append((part + "_sin", Column("float64", np.sin(angle), c.valid, 2)))
        outputs.append((part + "_cos", Column("float64", np.cos(angle), c.valid, 2)))
    return outputs


def cast(lanes, options, ctx):
    (c,) = lanes
    to, zone = options["to"], options.get("zone")
    if c.type == to:
        return [("", c)]
    if c.type == "string":
        return [("", parsed(c, to))]
    if to == "string":
        return [("", formatted(c))]
    if to in ("timestamp", "datetime", "date") or c.type in TIMES:
        return [("", moved(c, to, zone))]
    if to in REALS:
        return [("", real(to, c.floats(), c.valid))]
    if to == "bool":
        valid = c.valid & ~np.isnan(c.floats())
        return [("", Column("bool", c.values != 0, valid))]
    low, high = (-(2**31), 2**31 - 1) if to == "int32" else (-(2**63), 2**63 - 1)
    whole = [int(v) if np.isfinite(v) else 2**64 for v in c.values.tolist()]
    fits = np.array([low <= v <= high for v in whole])
    return [("", Column(to, np.array([v if ok else 0 for v, ok in zip(whole, fits)], np.int64), c.valid & fits))]


def parsed(c, to):
    """Texts as numbers, null where they are none; as pandas reads them."""
    values, valid = np.zeros(len(c)), c.valid.copy()
    if to in INTEGERS:
        values = values.astype(np.int64)
    for i, text in enumerate(c.values):
        pattern = r"[+-]?\d+" if to in INTEGERS else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
        if not c.valid[i] or not re.fullmatch(pattern, text):
            valid[i] = False
            continue
        values[i] = pd.to_numeric(text)
    if to == "int32":
        valid &= (values >= -(2**31)) & (values < 2**31)
    return real(to, values, valid) if to in REALS else Column(to, values, valid)


def formatted(c):
    """Values as the shortest text that reads back."""
    def text(v):
        if c.type == "bool":
            return str(bool(v)).lower()
        if c.type in INTEGERS:
            return str(int(v))
        if c.type == "date":
            return str(np.datetime64(int(v), "D"))
        if not np.isfinite(v):
            return str(float(v))
        exponent = v != 0 and not 1e-6 <= abs(v) < 1e21
        v = np.float32(v) if c.type == "float32" else np.float64(v)
        return np.format_float_scientific(v, trim="-", exp_digits=2) if exponent else np.format_float_positional(v, trim="-")
    return Column("string", np.array([text(v) for v in c.values], object), c.valid)


def moved(c, to, zone):
    """Between times, and times as integers."""
    if to == "int64" or c.type in INTEGERS:
        return Column(to, c.values, c.valid)
    series = moments(c, zone)
    if c.type == "timestamp":
        series = series.dt.tz_localize(None)
    if to == "timestamp":
        series = wall_to_utc(series, zone)
    micros = series.to_numpy().astype("datetime64[us]").astype(np.int64)
    if to == "date":
        micros = micros // 86_400_000_000
    return Column(to, micros, c.valid)


def wall_to_utc(series, zone):
    """The instant at which the clocks of zone showed a wall time: of two the earlier
    (summer time), in a gap the time moves forward by its length (read with the offset before it)."""
    local = series.dt.tz_localize(zone, ambiguous=np.ones(len(series), bool), nonexistent="NaT")
    gap = local.isna()
    hour = pd.Timedelta(hours=1)
    before = (series - hour).dt.tz_localize(zone, ambiguous=np.ones(len(series), bool), nonexistent="NaT")
    local = local.where(~gap, before + hour)
    return local.dt.tz_convert("UTC").dt.tz_localize(None)
