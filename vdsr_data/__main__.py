"""`python -m vdsr_data`, the same as `vdsr-data`."""

from vdsr_data.start import main

main()
