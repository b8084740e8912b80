"""Golden sets and their scorers: how right the product is, measured.

One module per evaluation, found by its `EVALUATION`; `frame/` is what they share. See README.md.
"""
