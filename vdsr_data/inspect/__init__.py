"""Looking into data: what is in a file, how it looks, whether it is what it says; which recipe made images."""
