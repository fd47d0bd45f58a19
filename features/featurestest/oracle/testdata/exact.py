"""Numbers by their definitions, in integers and fractions; rounded once, at the end."""

from fractions import Fraction
from math import isqrt

import numpy as np


def counted(values):
    """The distinct values and how often each occurs."""
    distinct, counts = np.unique(values, return_counts=True)
    return [Fraction(v.item()) for v in distinct], [int(c) for c in counts]


def mean(values):
    """The correctly rounded mean of an array."""
    distinct, counts = counted(values)
    return nearest(sum(v * c for v, c in zip(distinct, counts)) / len(values))


def variance(values, ddof=0):
    """The exact variance, as a fraction."""
    distinct, counts = counted(values)
    n = len(values)
    s1 = sum(v * c for v, c in zip(distinct, counts))
    s2 = sum(v * v * c for v, c in zip(distinct, counts))
    return (n * s2 - s1 * s1) / Fraction(n * (n - ddof)) if n > ddof else Fraction(0)


def nearest(x):
    """The float64 nearest to a fraction, ties to even; infinite beyond the largest."""
    try:
        return float(x)  # int / int rounds correctly
    except OverflowError:
        return np.inf if x > 0 else -np.inf


def root(x):
    """The correctly rounded square root of a fraction."""
    if x == 0:
        return 0.0
    shift = 2 * max(0, 140 - (x.numerator.bit_length() - x.denominator.bit_length()) // 2)
    whole, rest = divmod(x.numerator << shift, x.denominator)
    low = isqrt(whole)
    if rest or low * low != whole:
        low = 2 * low + 1  # a sticky bit: the root lies strictly between two integers
    else:
        low = 2 * low
    return nearest(Fraction(low, 1 << (shift // 2 + 1)))


def quantile(ordered, q, rule):
    """The exact quantile q (a Fraction) of sorted values, as a Fraction."""
    n = len(ordered)
    if rule == "inverted_cdf":
        rank = -((-q * n) // 1)  # ceiling
        return Fraction(ordered[max(0, int(rank) - 1)].item())
    at = q * (n - 1)
    low = int(at)
    below = Fraction(ordered[low].item())
    if rule == "lower" or at == low:
        return below
    return below + (at - low) * (Fraction(ordered[low + 1].item()) - below)


def decimal(number):
    """The number as the recipe writes it: 0.01 is 1/100."""
    return Fraction(str(number))
