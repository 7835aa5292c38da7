"""Other libraries: data files as data sets of PyTorch and TensorFlow, and how each of them resizes an image."""
