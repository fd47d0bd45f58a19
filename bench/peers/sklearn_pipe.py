"""scikit-learn's pipeline over a pandas frame of the first rows: it cannot bear them
all in a benchmark's time. Its ids are by value, not by frequency."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

from jobs import NUMBERS, REALS, TEXTS

SAMPLE = {"criteo": 250_000, "dense": 250_000, "strings": 250_000}  # one row group


def positive_log(x):
    return np.log1p(np.maximum(x, 0))


def head(files, columns):
    return pq.ParquetFile(files[0]).read_row_group(0, columns=columns).to_pandas()


def work(frame, numbers, texts, out, codec):
    steps = []
    if numbers:
        chain = make_pipeline(SimpleImputer(strategy="constant", fill_value=0), FunctionTransformer(positive_log), StandardScaler())
        steps.append(("numbers", chain, numbers))
    if texts:
        steps.append(("texts", OrdinalEncoder(encoded_missing_value=-2), texts))
    made = ColumnTransformer(steps).fit_transform(frame).astype(np.float32)
    pd.DataFrame(made, columns=[*numbers, *texts]).to_parquet(out, compression=codec.replace("uncompressed", "none"))
    return len(frame)


def criteo(files, out, codec):
    return work(head(files, [*NUMBERS, *TEXTS]), NUMBERS, TEXTS, out, codec)


def dense(files, out, codec):
    return work(head(files, REALS), REALS, [], out, codec)


def strings(files, out, codec):
    return work(head(files, ["key"]), [], ["key"], out, codec)
