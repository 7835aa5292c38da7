"""What an expert would say on seeing the scores: results that cannot be results, means that cannot be compared."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vdsr_data.errors import listed
from vdsr_data.public.registry import registered
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.protocols.published import published, set_name
from vdsr_eval.reports.tables import Key, groups
from vdsr_eval.scoring.records import BICUBIC, Record, mean_score

__all__ = ["remarks"]

FAR = 0.3  # dB that no protocol explains: the three differ by hundredths


def remarks(records: Sequence[Record], guesses: Mapping[str, str] | None = None) -> list[str]:
    """One line for each thing in the scores that should not be passed over.

    A result that equals its original, bicubic or another result; a method below bicubic on every image; means over
    different images, or not over those of the public set of that name; a bicubic row that is no published one's, by
    more than 0.3 dB.

    Parameters
    ----------
    records : sequence of Record
        Of all sets, scales, methods and protocols that were evaluated together.
    guesses : mapping of str to str, optional
        What may be tried, by the name of a method that is below bicubic.

    Returns
    -------
    list of str
    """
    grouped = groups(records)
    return [*_equal(grouped), *_below(grouped, guesses or {}), *_counts(grouped), *_others(grouped), *_far(grouped)]


Groups = dict[Key, list[Record]]


def _equal(grouped: Groups) -> Iterable[str]:
    """Copies of the original, and images that two methods share, each pair of methods once."""
    copies: dict[str, dict[str, None]] = {}
    twins: dict[tuple[str, str], dict[str, None]] = {}
    seen: dict[tuple[str, str, float, float, float], list[str]] = {}
    for key, group in grouped.items():
        for r in group:
            if math.isinf(r.psnr):
                if key.model != BICUBIC:
                    copies.setdefault(key.model, {})[_name(r)] = None
                continue
            # Two different images whose scores are the same to the last bit would be a wonder.
            others = seen.setdefault((r.dataset, r.image, r.scale, r.psnr, r.ssim), [])
            for other in dict.fromkeys(others):
                if other != key.model:
                    twins.setdefault((key.model, other), {})[_name(r)] = None
            others.append(key.model)
    for model, images in copies.items():
        yield f"{model}: equals the original, {_some(images)}; is it a copy of the original, or its name?"
    for (model, other), images in twins.items():
        yield f"{model}: equals {other}, {_some(images)}"


def _name(record: Record) -> str:
    return f"{record.dataset}/{record.image} x{record.scale:g}"


def _some(images: Iterable[str]) -> str:
    images = list(images)
    return f"{len(images)} image{'s' * (len(images) > 1)}: {listed(images)}"


def _below(grouped: Groups, guesses: Mapping[str, str]) -> Iterable[str]:
    """Methods that lose to interpolation everywhere: rather a mistake than a method."""
    places: dict[str, dict[str, None]] = {}
    for key, group in grouped.items():
        base = {record.image: record.psnr for record in grouped.get(key._replace(model=BICUBIC), ())}
        if key.model != BICUBIC and base and all(r.psnr < base.get(r.image, -float("inf")) for r in group):
            places.setdefault(key.model, {})[f"{key.dataset} x{key.scale:g}"] = None
    for model, where in places.items():
        hint = f"; try {guesses[model]}" if model in guesses else ""
        yield (
            f"{model}: below bicubic on every image of {listed(where)}; as a rule another scale or protocol, a shift,"
            f" another range or order of colours, or a network whose output is to be subtracted{hint}"
        )


def _counts(grouped: Groups) -> Iterable[str]:
    """Means of one set over different images."""
    counts: dict[str, dict[tuple[int, float], None]] = {}
    for key, group in grouped.items():
        counts.setdefault(key.dataset, {})[len(group), key.scale] = None
    for dataset, found in counts.items():
        if len({count for count, _ in found}) > 1:
            parts = ", ".join(f"{count} at x{scale:g}" for count, scale in found)
            yield f"{dataset}: the means are over different images, {parts}"


def _others(grouped: Groups) -> Iterable[str]:
    """Public sets without some of their images, or with others: published means are over all of them."""
    known = {name.lower(): files for name, files in registered().items()}
    found: dict[str, dict[str, None]] = {}
    for key, group in grouped.items():
        found.setdefault(key.dataset, {}).update(dict.fromkeys(record.image for record in group))
    for dataset, images in found.items():
        whole = [Path(file.name).stem for file in known.get(set_name(dataset), ())]
        if whole and len(images) != len(whole):
            text = f"{dataset}: {len(images)} images, of which published means have {len(whole)}"
            missing = [name for name in whole if not any(name in image for image in images)]
            more = [image for image in images if not any(name in image for name in whole)]
            for word, names in (("missing", missing), ("others", more)):
                text += f"; {word}: {listed(names)}" if 0 < len(names) < len(whole) else ""
            yield text


def _far(grouped: Groups) -> Iterable[str]:
    """Sets that bear a known name and are other images."""
    far: dict[str, str] = {}
    for key, group in grouped.items():
        rows = [row for row in published(dataset=key.dataset, scale=key.scale) if row.model == BICUBIC]
        if key.model == BICUBIC and key.protocol in PROTOCOLS and rows:
            psnr, _ = mean_score(group)
            nearest = min(rows, key=lambda row: abs(row.psnr - psnr))
            if abs(nearest.psnr - psnr) > FAR:
                text = f"x{key.scale:g} {psnr:.2f} dB (published {nearest.psnr:.2f})"
                far.setdefault(key.dataset, text)
    for dataset, text in far.items():
        yield (
            f"{dataset}: bicubic is no published one, {text}; the originals are other files, were resized instead of"
            " cropped, or the low resolution was made by other means"
        )
