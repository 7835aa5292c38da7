"""What computes: the network on Keras, its training step on TensorFlow, JAX and the processor's own kernels."""
