"""A contact sheet of a store: images beside their labels, to judge both by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from catfast.classes import COLOURS, NODATA
from catfast.errors import OutputError, UsageError, one_line
from catfast.patches.files import refuse_inside
from catfast.patches.records import SPLITS
from catfast.patches.statistics import FULL_FRACTION
from catfast.patches.store import PatchStore, open_store
from catfast.pictures import BACKGROUND, TEXT, draw_legend, paint, stretch
from catfast.raster import atomic_path

SIDE, ACROSS, GAP, CAPTION, HEAD = 190, 4, 10, 30, 34
"""Pixels of a picture's side, patches a row, pixels between, of text below a patch, of the head."""

OPACITY = 0.45
"""Of the label over the image."""

PNG = b"\x89PNG\r\n\x1a\n"
"""First bytes of such a file."""

MARKS = {"train": (94, 148, 210), "val": (230, 180, 60), "test": (220, 90, 80)}
"""RGB of the bar that tells the split."""


def contact_sheet(path: str | Path, png: str | Path, *, count: int = 24, seed: int = 0) -> int:
    """Draw patches of a store, chosen at random from every split; the number drawn.

    Left the image, right the same under its label; below, where it is from and what it holds. A coloured bar
    tells the split.

    Args:
        path: the store.
        png: the picture.
        count: patches to draw.
        seed: of the choice.

    Raises:
        InputError: no such store, or a patch cannot be read.
        OutputError: the picture lies in the store or would replace what is no PNG, or the disk did not
            take it.
        UsageError: a count below 1.
    """
    if count < 1:
        raise UsageError(f"--count must be at least 1, not {count}")
    store, png = open_store(path), Path(png)
    _check_output(store, png)
    rows = _chosen(store, count, seed) if len(store) else []
    down = -(-len(rows) // ACROSS)
    cell = (2 * SIDE + 2 * GAP, SIDE + CAPTION + GAP)
    sheet = Image.new("RGB", (ACROSS * cell[0] + GAP, HEAD + max(1, down) * cell[1] + GAP), BACKGROUND)
    _draw_head(sheet, store, len(rows))
    for place, row in enumerate(rows):
        _draw_patch(sheet, store, row, (GAP + place % ACROSS * cell[0], HEAD + place // ACROSS * cell[1]))
    with atomic_path(png) as temporary:
        sheet.save(temporary, format="PNG")
    return len(rows)


def _check_output(store: PatchStore, png: Path) -> None:
    refuse_inside(store.path, png)
    if not png.parent.is_dir():
        raise OutputError(f"{png}: its folder does not exist")
    if png.is_dir():
        raise OutputError(f"{png}: is a folder: name a file in it")
    if png.exists() and not _is_png(png):
        raise OutputError(f"{png}: exists already and is no PNG: choose another output")


def _is_png(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(len(PNG)) == PNG


def _chosen(store: PatchStore, count: int, seed: int) -> list[int]:
    """Rows of the index, by split; each has its share, and one at least."""
    rng = np.random.default_rng(seed)
    splits = np.array(store.index["split"].to_pylist(), object)
    chosen: list[int] = []
    seen = 0
    for name in SPLITS:
        rows = np.flatnonzero(splits == name)
        share = round(count * (seen + len(rows)) / len(store)) - round(count * seen / len(store))
        wanted = min(len(rows), max(1, share))
        chosen += sorted(rng.choice(rows, wanted, replace=False).tolist())
        seen += len(rows)
    return chosen


def _draw_head(sheet: Image.Image, store: PatchStore, count: int) -> None:
    info, draw = store.info, ImageDraw.Draw(sheet)
    source = "simulated, " if info.simulated else ""
    name = one_line(store.path.absolute().name)
    text = f"{name}: {count} of {len(store)} patches, {source}{info.size} px at {info.gsd_m:g} m"
    draw.text((GAP, 10), text, fill=TEXT)
    x = GAP + int(draw.textlength(text)) + 30
    for name, colour in MARKS.items():
        draw.rectangle((x, 9, x + 6, 23), fill=colour)
        draw.text((x + 12, 10), name, fill=TEXT)
        x += 28 + int(draw.textlength(name))
    if info.soft:
        draw.text((x + 20, 10), "whiter: more cloud", fill=TEXT)
    else:
        codes = (0, 1) if info.scheme == "binary" else tuple(code for code in COLOURS if code != NODATA)
        x = draw_legend(sheet, x + 20, 9, codes)
        draw.text((x, 10), "dark stripes: ignore", fill=TEXT)


def _draw_patch(sheet: Image.Image, store: PatchStore, row: int, corner: tuple[int, int]) -> None:
    image, label = store.read(row)
    record = store.index.slice(row, 1).to_pylist()[0]
    picture = stretch(_reflectance(image, store.info.scale))
    for column, pixels in enumerate((picture, _overlay(picture, label, soft=store.info.soft))):
        part = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
        sheet.paste(part, (corner[0] + column * (SIDE + 2) + 6, corner[1]))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((*corner, corner[0] + 3, corner[1] + SIDE - 1), fill=MARKS[record["split"]])
    for line, text in enumerate(_caption(record)):
        draw.text((corner[0] + 6, corner[1] + SIDE + 2 + 13 * line), text, fill=TEXT)


def _reflectance(image: npt.NDArray[np.uint16], scale: float) -> npt.NDArray[np.float32]:
    """Red, green, blue, last axis; NaN where nothing was seen."""
    values = np.moveaxis(image[[2, 1, 0]], 0, -1).astype(np.float32) * np.float32(scale)
    values[(image == 0).all(axis=0)] = np.nan
    return values


def _overlay(
    picture: npt.NDArray[np.uint8], label: npt.NDArray[np.uint8], *, soft: bool
) -> npt.NDArray[np.uint8]:
    """The label over the picture; ignored pixels are hatched."""
    if soft:
        share = label[..., None].clip(max=FULL_FRACTION) / FULL_FRACTION
        clear, cloud = (np.array(COLOURS[code][:3], np.float64) for code in (0, 1))
        colours = share * cloud + (1 - share) * clear
    else:
        colours = paint(label).astype(np.float64)
    mixed = (1 - OPACITY) * picture + OPACITY * colours
    row, column = np.indices(label.shape)
    hatch: npt.NDArray[np.float64] = np.asarray((row + column) // 6 % 2 * 0.35 + 0.3)
    mixed = np.where((label == NODATA)[..., None], picture * hatch[..., None], mixed)
    return np.asarray(mixed, np.uint8)


def _caption(record: dict[str, object]) -> tuple[str, str]:
    shares = [
        f"{name} {100 * float(str(share)):.0f} %"
        for name in ("cloud", "shadow", "snow", "water", "ignore")
        if (share := record[f"{name}_fraction"]) is not None
    ]
    seconds = "" if record["dt_s"] is None else f"  {record['dt_s']:+.1f} s"
    return f"{record['ps_id']}  row {record['row']} col {record['col']}{seconds}", ", ".join(shares)
