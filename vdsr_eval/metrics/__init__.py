"""Two arrays and a data range to a number.

A function checks its arguments, the loops are in `_fidelity_kernels.py`.
"""
