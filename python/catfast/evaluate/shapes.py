"""Points and polygons with a class, over scenes, as a test set: how hand-labelled test sets come."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from catfast.classes import BANDS, CLASS_CODES, NODATA
from catfast.errors import InputError, MissingExtraError, Notice, UsageError
from catfast.evaluate.codes import THIN
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.folders import images_under
from catfast.evaluate.samples import Opened, Sample, latitude_of, merged
from catfast.evaluate.strata import Facts
from catfast.planet import describe_scene, scene_id
from catfast.raster import open_raster
from catfast.textfiles import parse_json, read_small

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["SHAPE_ENDS", "ShapeSet", "burn"]

SHAPE_ENDS = (".gpkg", ".geojson", ".json")
"""Files that hold points and polygons."""

_WORDS = {**CLASS_CODES, "thin": THIN, "ignore": NODATA}
_SCENE_COLUMN = "scene"
_SQLITE = b"SQLite format 3\0"
"""First bytes of a GeoPackage (https://www.sqlite.org/fileformat.html)."""


@dataclass(frozen=True, slots=True)
class _Shapes:
    shapes: npt.NDArray[np.object_]
    codes: npt.NDArray[np.uint8]
    scenes: list[str] | None
    crs: CRS


class ShapeSet:
    """Scenes with the points and polygons that lie on them.

    A shape counts on every scene that it touches, or, where the file has a column ``scene``, on the one of
    that name. Polygons take the pixels whose centre they hold; of shapes that overlap the last one counts.
    """

    kind = "points and polygons"
    shadow_may_lack = False
    simulated = False

    def __init__(self, path: Path, facts: dict[str, Facts], config: EvaluateConfig) -> None:
        if config.scenes is None:
            raise UsageError(f"{path}: points and polygons need the scenes under them (--scenes DIR)")
        self.path = path
        self._config = config
        self._facts = facts
        self._shapes = _read_shapes(path, config)
        words = {code: name for name, code in CLASS_CODES.items()} | {THIN: "cloud"}
        found = {words[code] for code in np.unique(self._shapes.codes).tolist() if code in words}
        self.classes = tuple(name for name in CLASS_CODES if name in found | {"clear", "cloud"})
        images = images_under(config.scenes)
        self._scenes = [(name, paths[0]) for name, paths in sorted(images.items()) if _has_bands(paths)]
        self._scenes = [(name, image) for name, image in self._scenes if len(self._on(name, image)[0])]
        if not self._scenes:
            raise InputError(
                f"{path}: none of its {len(self._shapes.shapes)} shapes lies on any of the {len(images)} "
                f"scenes of {config.scenes}"
            )
        self.notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        """Number of scenes with shapes on them."""
        return len(self._scenes)

    def __iter__(self) -> Iterator[Sample]:
        """Scenes in the order of their names."""
        for name, image in self._scenes:
            with open_raster(image) as raster:
                found = Facts(latitude=latitude_of(raster.info.grid))
            facts = merged(found, self._facts.get(name))
            yield Sample(
                name=name,
                scene_id=facts.scene or scene_id(image),
                origin=(0, 0),
                whole=True,
                facts=facts,
                open=lambda name=name, image=image: self._open(name, image),  # type: ignore[misc]
            )

    def _on(self, name: str, image: Path) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.uint8]]:
        """Shapes on a scene, in its pixel coordinates (column, row), and their codes."""
        import shapely

        with open_raster(image) as raster:
            grid = raster.info.grid
        if grid.crs is None:
            raise InputError(f"{image}: expected a scene with a CRS, to lay points and polygons on it")
        shapes, codes = self._shapes.shapes, self._shapes.codes
        if self._shapes.scenes is not None:
            wanted = {name, scene_id(image), image.name}
            here = np.array([scene in wanted for scene in self._shapes.scenes])
            shapes, codes = shapes[here], codes[here]
        to_scene = Transformer.from_crs(self._shapes.crs, CRS.from_wkt(grid.crs.to_wkt()), always_xy=True)
        inverse = ~grid.transform

        def to_pixels(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            x, y = to_scene.transform(xy[:, 0], xy[:, 1])
            return np.column_stack(inverse @ (np.asarray(x), np.asarray(y)))

        moved = shapely.transform(shapes, to_pixels)
        touches = shapely.intersects(moved, shapely.box(0, 0, grid.width, grid.height))
        return moved[touches], codes[touches]

    @contextmanager
    def _open(self, name: str, image: Path) -> Iterator[Opened]:
        shapes, codes = self._on(name, image)
        with open_raster(image) as raster:
            scene = describe_scene(raster, reflectance_scale=self._config.reflectance_scale)

            def truth(start: int, stop: int) -> npt.NDArray[np.uint8]:
                return burn(shapes, codes, start, stop, raster.info.grid.width)

            yield Opened(raster=raster, scene=scene, truth=truth)


def _has_bands(paths: Sequence[Path]) -> bool:
    """Whether an image is one file with bands enough for a scene."""
    with open_raster(paths[0]) as raster:
        return len(paths) == 1 and raster.info.count >= len(BANDS)


def burn(
    shapes: Sequence[BaseGeometry] | npt.NDArray[np.object_],
    codes: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    width: int,
) -> npt.NDArray[np.uint8]:
    """Codes of rows ``start`` to ``stop``, (n, width), of shapes in pixel coordinates (column, row)."""
    import shapely

    rows = np.full((stop - start, width), NODATA, np.uint8)
    for shape, code in zip(shapes, codes, strict=True):
        left, top, right, bottom = shapely.bounds(shape)
        window = (
            slice(max(int(top), start), min(int(bottom) + 1, stop)),
            slice(max(int(left), 0), min(int(right) + 1, width)),
        )
        if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
            continue
        part = rows[window[0].start - start : window[0].stop - start, window[1]]
        if shapely.get_dimensions(shape) == 0:
            columns_rows = np.floor(shapely.get_coordinates(shape)).astype(np.int64)
            for column, row in columns_rows.tolist():
                if start <= row < stop and 0 <= column < width:
                    rows[row - start, column] = code
            continue
        y, x = np.mgrid[window]
        part[shapely.contains_xy(shape, x + 0.5, y + 0.5)] = code
    return rows


def _read_shapes(path: Path, config: EvaluateConfig) -> _Shapes:
    try:
        import shapely  # noqa: F401
    except ImportError:
        raise MissingExtraError("points and polygons", "report") from None
    reader = _read_gpkg if path.suffix.lower() == ".gpkg" else _read_geojson
    shapes, classes, scenes, crs = reader(path, config.class_column)
    rules = _WORDS | {"thin": {"cloud": THIN, "clear": 0, "ignore": NODATA}[config.thin]}
    unknown = [name for name in classes if name not in rules]
    if unknown:
        raise InputError(
            f"{path}: expected classes {', '.join(rules)} in column {config.class_column}, "
            f"found {unknown[0]!r}"
        )
    codes = np.array([rules[name] for name in classes], np.uint8)
    return _Shapes(shapes, codes, scenes, crs)


def _read_geojson(path: Path, column: str) -> tuple[Any, list[str], list[str] | None, CRS]:
    import shapely

    try:
        document = parse_json(read_small(path))
        features = document["features"]
        properties = [feature["properties"] or {} for feature in features]
        shapes = np.array([shapely.from_geojson(json.dumps(f["geometry"])) for f in features], object)
        crs = CRS.from_user_input(document.get("crs", {}).get("properties", {}).get("name", "OGC:CRS84"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InputError(f"{path}: cannot be read as GeoJSON with features: {error}") from error
    missing = [place for place, entry in enumerate(properties) if column not in entry]
    if missing or not features:
        raise InputError(f"{path}: expected features with a property {column} (--class-column), found none")
    scenes = [str(entry.get(_SCENE_COLUMN)) for entry in properties]
    given = any(_SCENE_COLUMN in entry for entry in properties)
    return shapes, [str(entry[column]) for entry in properties], scenes if given else None, crs


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _read_gpkg(path: Path, column: str) -> tuple[Any, list[str], list[str] | None, CRS]:
    try:
        import pyogrio
    except ImportError:
        raise MissingExtraError("reading a GeoPackage", "report") from None
    import shapely

    # By its name alone GDAL would take a VRT or any other format, which may name further files, or a network.
    if not (path.is_file() and _starts_with(path, _SQLITE)):
        raise InputError(
            f"{path}: expected a GeoPackage, found {'another file' if path.exists() else 'none'}"
        )
    try:
        meta, _, wkb, values = pyogrio.raw.read(path.absolute())
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path}: cannot be read as GeoPackage: {error}") from error
    names = list(meta["fields"])
    if column not in names:
        raise InputError(f"{path}: expected a column {column} (--class-column), found {', '.join(names)}")
    if not meta["crs"]:
        raise InputError(f"{path}: expected a CRS, found none")
    scenes = [str(v) for v in values[names.index(_SCENE_COLUMN)]] if _SCENE_COLUMN in names else None
    classes = [str(value) for value in values[names.index(column)]]
    return shapely.from_wkb(wkb), classes, scenes, CRS.from_user_input(meta["crs"])
