"""Latents of new scans by a model that a run left: python apply_model.py RUN NEW (a folder, or a TOML with [data])"""

import sys

import spinefx

model = spinefx.Model.load(sys.argv[1])  # a run's folder
encoded = model.encode(sys.argv[2])  # read, segmented and cut exactly as the model's own training data were
frame = encoded.frame()  # z0 ... zN, how well each is rebuilt, whether it is unusual, whether the fit saw it
print(frame.to_string(index=False))
for case, why in encoded.left_out.items():
    print(f"{case}: {why}")
