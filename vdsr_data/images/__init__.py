"""Image files to arrays and back, as `imread` and `imwrite` do it, and what an image needs of memory."""
