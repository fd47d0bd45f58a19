"""scikit-learn's LogisticRegression on the tensors that this example learns from: python compare.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

folder = Path(sys.argv[1])
manifest = json.loads((folder / "_quern/manifest.json").read_text())
parts = [load_file(folder / f["name"]) for f in manifest["files"]]
x = np.concatenate([p["features"] for p in parts])
y = np.concatenate([p["labels"] for p in parts])[:, 0]
test = np.zeros(len(y), bool)
for start, end in manifest["outside_fit"]:
    test[start:end] = True

model = LogisticRegression(max_iter=1000).fit(x[~test], y[~test])
auc = roc_auc_score(y[test], model.decision_function(x[test]))
print(f"{'scikit-learn':<20} AUC {auc:.4f}  (logistic regression)")
