"""One self-contained HTML page: sortable tables, bars for each image, and images with a slider between methods.

Everything is inside the file, so that it opens from a disk or an attachment, without a network and without a server.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vdsr_data
from vdsr_data.images.files import png_bytes
from vdsr_eval.reports.export import plain, write_text
from vdsr_eval.reports.rendering import ground_truth, picture
from vdsr_eval.reports.tables import Table
from vdsr_eval.scoring.records import Record, Scored

__all__ = ["PageImages", "write_page"]

TEMPLATE = Path(__file__).with_name("page.html")


class PageImages:
    """A sink that keeps the images of a page: the first `each` of every set and scale, or the named ones.

    Not those with the largest gain: a page that picks its images by the result shows the result that was picked.
    """

    def __init__(self, each: int, only: frozenset[str] = frozenset()) -> None:
        self.views: list[dict[str, Any]] = []
        self._each, self._only = each, only
        self._count: Counter[tuple[str, float]] = Counter()

    def __call__(self, methods: Sequence[Scored]) -> None:
        """Keep one image as PNG data, if it is among those."""
        record = methods[0].record
        place = record.dataset, record.scale
        wanted = record.image in self._only if self._only else self._count[place] < self._each
        if not wanted:
            return
        self._count[place] += 1
        gt = ground_truth(methods[0])
        layers: list[dict[str, Any]] = [{"name": "ground truth", "src": _data_uri(gt)}]
        layers += [
            {
                "name": s.record.model,
                "psnr": plain(s.record.psnr),
                "ssim": s.record.ssim,
                "src": _data_uri(picture(s)),
            }
            for s in methods
        ]
        head = {"dataset": record.dataset, "image": record.image, "scale": record.scale}
        self.views.append({**head, "width": gt.shape[1], "height": gt.shape[0], "layers": layers})


def write_page(
    path: Path | str,
    records: Sequence[Record],
    tables: Sequence[Table],
    views: Sequence[dict[str, Any]],
    engines: Mapping[str, str] | None = None,
) -> None:
    """Write the page, complete or not at all.

    Parameters
    ----------
    path : Path or str
    records : sequence of Record
        For the bars.
    tables : sequence of Table
        As they were printed.
    views : sequence of dict
        Of `PageImages`.
    engines : mapping of str to str, optional
        What computed the methods that are networks.
    """
    computed = "".join(f"; {name} computed by {engine}" for name, engine in (engines or {}).items())
    content = {
        "records": [asdict(record) | {"psnr": plain(record.psnr)} for record in records],
        "tables": [asdict(table) for table in tables],
        "views": list(views),
        "footer": f"vdsr-toolkit {vdsr_data.__version__}{computed}",
    }
    # "<" would end the script element, or open a comment in it, wherever a file name holds the right letters.
    text = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    write_text(path, TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", text))


def _data_uri(image: NDArray[np.uint8]) -> str:
    """An image as PNG inside a URI."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image, compression=6)).decode()
