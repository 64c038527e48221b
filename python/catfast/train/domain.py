"""What the training split of patch stores shows a model: told from their index and some of the patches."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyproj import Transformer

from catfast.models import Domain
from catfast.train.data import PatchReader
from catfast.train.source import Source
from catfast.train.stream import Chunk

__all__ = ["domain_of"]

_LOOKED_AT = 128
"""Patches whose saturated pixels are counted."""
_SUPER_DOVE = re.compile(r"\d{8}_\d{6}_\d{2}_[0-9a-zA-Z]{4}")
"""Ids of PSB.SD have hundredths of a second; those of PS2 and PS2.SD are alike."""


def domain_of(source: Source, reader: PatchReader) -> Domain:
    """Bounds of the training split, which ``reader`` reads as the network is to see it.

    The latitude stays open where a patch is simulated: it lies nowhere.
    """
    rows = pa.concat_tables(
        store.index.take(source.train.where[source.train.where[:, 0] == number, 1])
        for number, store in enumerate(source.stores)
    )
    dove = all(_SUPER_DOVE.fullmatch(name) for name in rows["ps_id"].unique().to_pylist())
    return Domain.seen(
        images=_images(reader, len(source.train)),
        sun_elevations=rows["sun_elevation"].drop_null().to_pylist(),
        latitudes=() if source.simulated else _latitudes(rows, source.size),
        sensors=("PSB.SD",) if dove else (),
    )


def _images(reader: PatchReader, patches: int) -> Iterator[npt.NDArray[np.float32]]:
    for index in np.unique(np.linspace(0, patches - 1, _LOOKED_AT).round().astype(int)):
        batch = reader[Chunk(0, (0,), (int(index),))]
        yield batch["image"][0].numpy().astype(np.float32) * batch["facts"][0, 0].item()


def _latitudes(rows: pa.Table, size: int) -> list[float]:
    """Of the middles of patches."""
    codes, transforms = np.array(rows["epsg"]), np.array(rows["transform"].to_pylist()).reshape(-1, 6)
    found = []
    for code in np.unique(codes):
        a, b, c, d, e, f = transforms[codes == code].T
        half = size / 2
        to_degrees = Transformer.from_crs(int(code), "OGC:CRS84", always_xy=True)
        _, latitude = to_degrees.transform((a + b) * half + c, (d + e) * half + f)
        found += np.asarray(latitude)[np.isfinite(latitude)].tolist()
    return found
