"""The command `vdsr-train`: each command parses, calls one function, prints."""
