"""Networks as data, and what is done with one that runs.

Weights in every format, those that come with the toolkit, real upscaling, self-ensemble.
Imports neither TensorFlow nor Keras: what runs a network is a function that is handed in.
"""
