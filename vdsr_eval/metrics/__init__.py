"""Two arrays and a data range to a number; one image alone to how natural it looks.

A function checks its arguments, the loops are in the `_kernels.py` beside it.
"""
