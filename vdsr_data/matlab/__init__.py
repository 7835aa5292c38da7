"""What MATLAB's functions do, to the last bit: imresize, colour, filters, random numbers, and `.mat` files.

A function checks its arguments, the loops are in the `_*_kernels.py` beside it. Knows nothing of data sets.
"""
