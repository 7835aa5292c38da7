"""`python -m vdsr_train`, the same as `vdsr-train`."""

from vdsr_train.start import main

main()
