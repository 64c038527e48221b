"""The footprints of all paths and rows, from a file that USGS publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catfast.errors import InputError, MissingExtraError


class Frames:
    """Footprints (WKB, longitude and latitude) by WRS-2 path and row.

    Reads what GDAL does, through pyogrio: the zipped shapefile of USGS, GeoJSON, GeoPackage, KML with fields.

    Raises:
        MissingExtraError: pyogrio is not installed.
        InputError: not readable, without the fields PATH and ROW, or not in longitude and latitude.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.missing = 0
        """Scenes whose path and row the file does not hold."""
        fields, geometry = _read(path)
        keys = zip(fields["PATH"].tolist(), fields["ROW"].tolist(), strict=True)
        self._frames = {
            (int(wrs_path), int(wrs_row)): bytes(shape)
            for (wrs_path, wrs_row), shape in zip(keys, geometry, strict=True)
            if shape is not None
        }

    def footprint(self, wrs_path: int, wrs_row: int) -> bytes | None:
        """WKB of a frame; None, and counted, where the file has none."""
        found = self._frames.get((wrs_path, wrs_row))
        self.missing += found is None
        return found


def _read(path: Path) -> tuple[dict[str, Any], Any]:
    """Fields PATH and ROW, and geometry as WKB."""
    try:
        import pyogrio
    except ImportError as error:
        raise MissingExtraError("reading a WRS-2 file", "pairs") from error
    from pyproj import CRS

    if not path.is_file():
        raise InputError(f"{path}: expected a file of WRS-2 footprints, found nothing there")
    try:
        names = {name.upper(): name for name in pyogrio.read_info(path)["fields"]}
        if not {"PATH", "ROW"} <= set(names):
            found = ", ".join(names) or "none"
            raise InputError(f"{path}: expected WRS-2 footprints with the fields PATH and ROW, found {found}")
        meta, _, geometry, columns = pyogrio.raw.read(path, columns=[names["PATH"], names["ROW"]])
    except pyogrio.errors.DataSourceError as error:
        raise InputError(f"{path}: expected a shapefile, GeoJSON or GeoPackage of WRS-2: {error}") from error
    if geometry is None or not (meta["crs"] and CRS.from_user_input(meta["crs"]).is_geographic):
        raise InputError(f"{path}: expected footprints in longitude and latitude, found {meta['crs']}")
    order = [str(name).upper() for name in meta["fields"]]
    return {name: columns[order.index(name)] for name in ("PATH", "ROW")}, geometry
