"""What does not fit is refused before the work."""

from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.io.disk import check_space, size_text


def test_what_does_not_fit_is_refused(tmp_path: Path):
    with pytest.raises(VdsrError, match=r"out: needs 1000000000.00 GB, .*; name a place on another disk"):
        check_space(tmp_path / "out", 10**18)
    check_space(tmp_path / "out", 0)


def test_sizes_are_shown_in_units_of_their_own():
    shown = [size_text(count) for count in (2.92e9, 0.44e9, 12.3e6, 800, 0)]
    assert shown == ["2.92 GB", "0.44 GB", "12.3 MB", "0.8 kB", "0.0 kB"]
