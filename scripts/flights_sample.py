"""Draws the example table: 200,000 random rows of the three million flights, in
input order, eight row groups. Run by `make sample`; the result is in the repository.

The rows are US Department of Transportation on-time performance data (public
domain), as packaged in vega-datasets 3.2.1. The sample is the same on every
machine: the generator and its seed are fixed.
"""
import sys

import numpy as np
import pyarrow.parquet as pq

source, target = sys.argv[1:3]
table = pq.read_table(source)
rows = np.sort(np.random.Generator(np.random.PCG64(2001)).choice(table.num_rows, 200_000, replace=False))
pq.write_table(table.take(rows), target, row_group_size=25_000, compression="zstd", compression_level=19,
               store_schema=False)
print(f"{target}: {len(rows)} rows, {pq.ParquetFile(target).metadata.num_row_groups} row groups")
