"""The command `vdsr-eval`: each command parses, calls one function, prints."""
