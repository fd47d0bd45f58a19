"""What the workloads are, for all peers: the columns and the layout of ids.

Ids are quern's: 0 padding, 1 null, 2 unseen, then the vocabulary, the most frequent
value first, ties by bytes.
"""

NUMBERS = [f"i{n:02d}" for n in range(1, 14)]
TEXTS = [f"c{n:02d}" for n in range(1, 27)]
REALS = [f"f{n:02d}" for n in range(1, 41)]
NULL_ID, FIRST_ID = 1, 3
THREADS = 2
FIT_BEFORE = "2001-06-01"  # flights are learnt from before that day
