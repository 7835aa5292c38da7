"""Files that are complete or absent, whoever else writes and whatever breaks.

Atomic writes, advisory locks, HDF5 with errors of one line, work on threads whose results come in order, and Ctrl-C.
Knows nothing of images.
"""
