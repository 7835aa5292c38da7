"""The command `vdsr-data`, and what the three commands share: each parses, calls one function, prints."""
