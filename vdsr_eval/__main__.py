"""`python -m vdsr_eval`, the same as `vdsr-eval`."""

from vdsr_eval.start import main

main()
