"""Networks as data, and what is done with one that runs.

Weights in every format, those that come with the toolkit, our own engine, real upscaling, self-ensemble.
Imports neither TensorFlow nor Keras, but for checkpoints of TensorFlow 1: another engine is handed in.
"""
