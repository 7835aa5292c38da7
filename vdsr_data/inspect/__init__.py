"""Looking into data files: what is in them, how it looks, and whether it is what it says."""
