"""Data files as data sets of PyTorch and TensorFlow."""
