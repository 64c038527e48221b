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
from pyproj.exceptions import CRSError

from catfast.classes import BANDS, CLASS_CODES, NODATA
from catfast.errors import InputError, MissingExtraError, Notice, UsageError
from catfast.evaluate.codes import THIN
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.folders import images_under, is_simulated
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
_NOWHERE = 1e9
"""Coordinate of what has no place in a scene's projection."""
_SQLITE = b"SQLite format 3\0"
"""First bytes of a GeoPackage (https://www.sqlite.org/fileformat.html)."""


@dataclass(frozen=True, slots=True)
class _Shapes:
    shapes: npt.NDArray[np.object_]
    codes: npt.NDArray[np.uint8]
    scenes: list[str | None]
    crs: CRS


class ShapeSet:
    """Scenes with the points and polygons that lie on them.

    A shape counts on every scene that it touches, or, where a column ``scene`` names one, on that alone.
    Polygons take the pixels whose centre they hold; of shapes that overlap the last one counts.
    """

    kind = "points and polygons"
    shadow_may_lack = False

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
        used = np.zeros(len(self._shapes.shapes), bool)
        self._scenes: list[tuple[str, Path]] = []
        for name, paths in sorted(images.items()):
            if _has_bands(paths) and len(places := self._on(name, paths[0])[2]):
                self._scenes.append((name, paths[0]))
                used[places] = True
        if not self._scenes:
            raise InputError(
                f"{path}: none of its {len(self._shapes.shapes)} shapes lies on any of the {len(images)} "
                f"scenes of {config.scenes}"
            )
        self.simulated = any(is_simulated(image) for _, image in self._scenes)
        self.notices = _notices(used)

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

    def _on(
        self, name: str, image: Path
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Shapes on a scene, in its pixel coordinates (column, row), their codes, and places in the file."""
        import shapely

        with open_raster(image) as raster:
            grid = raster.info.grid
        if grid.crs is None:
            raise InputError(f"{image}: expected a scene with a CRS, to lay points and polygons on it")
        shapes, codes = self._shapes.shapes, self._shapes.codes
        wanted = {None, name, scene_id(image), image.name}
        here = np.flatnonzero([scene in wanted for scene in self._shapes.scenes])
        to_scene = Transformer.from_crs(self._shapes.crs, CRS.from_wkt(grid.crs.to_wkt()), always_xy=True)
        inverse = ~grid.transform

        def to_pixels(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            x, y = to_scene.transform(xy[:, 0], xy[:, 1])
            x, y = (np.where(np.isfinite(x) & np.isfinite(y), values, _NOWHERE) for values in (x, y))
            return np.column_stack(inverse @ (x, y))

        moved = shapely.transform(shapes[here], to_pixels)
        touches = shapely.intersects(moved, shapely.box(0, 0, grid.width, grid.height))
        return moved[touches], codes[here][touches], here[touches]

    @contextmanager
    def _open(self, name: str, image: Path) -> Iterator[Opened]:
        shapes, codes, _ = self._on(name, image)
        with open_raster(image) as raster:
            scene = describe_scene(raster, reflectance_scale=self._config.reflectance_scale)

            def truth(start: int, stop: int) -> npt.NDArray[np.uint8]:
                return burn(shapes, codes, start, stop, raster.info.grid.width)

            yield Opened(raster=raster, scene=scene, truth=truth)


def _notices(used: npt.NDArray[np.bool_]) -> tuple[Notice, ...]:
    unused = int((~used).sum())
    if not unused:
        return ()
    return (Notice("unused_shapes", f"{unused} of {len(used)} shapes lie on no scene and do not count"),)


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
            for x, y in shapely.get_coordinates(shape).tolist():
                if start <= y < stop and 0 <= x < width:
                    rows[int(y) - start, int(x)] = code
            continue
        y, x = np.mgrid[window]
        part[shapely.contains_xy(shape, x + 0.5, y + 0.5)] = code
    return rows


def _read_shapes(path: Path, config: EvaluateConfig) -> _Shapes:
    try:
        import shapely
    except ImportError:
        raise MissingExtraError("points and polygons", "report") from None
    reader = _read_gpkg if path.suffix.lower() == ".gpkg" else _read_geojson
    shapes, classes, scenes, crs = reader(path, config.class_column)
    lines = shapely.get_type_id(shapes[shapely.get_dimensions(shapes) == 1])
    if len(lines):
        raise InputError(
            f"{path}: expected points and polygons, found a {shapely.GeometryType(lines[0]).name}"
        )
    codes = np.array([_code(path, value, config) for value in classes], np.uint8)
    named = [None if scene is None or scene == "" else str(scene) for scene in scenes]
    return _Shapes(shapes, codes, named, crs)


def _code(path: Path, value: object, config: EvaluateConfig) -> int:
    rules = _WORDS | {"thin": {"cloud": THIN, "clear": 0, "ignore": NODATA}[config.thin]}
    word = str(value).strip().lower()
    if word not in rules:
        raise InputError(
            f"{path}: expected classes {', '.join(rules)} in column {config.class_column}, "
            f"found {'a shape without one' if value is None else repr(str(value))}"
        )
    return rules[word]


def _read_geojson(path: Path, column: str) -> tuple[Any, list[Any], list[Any], CRS]:
    import shapely

    try:
        document = parse_json(read_small(path))
        features = document["features"]
        properties = [feature["properties"] or {} for feature in features]
        texts = [f["geometry"] and json.dumps(f["geometry"]) for f in features]
        shapes = np.array([text and shapely.from_geojson(text) for text in texts], object)
        crs = CRS.from_user_input((document.get("crs") or {}).get("properties", {}).get("name", "OGC:CRS84"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except CRSError as error:
        raise InputError(f"{path}: its CRS cannot be read: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InputError(f"{path}: cannot be read as GeoJSON with features: {error}") from error
    missing = [place for place, entry in enumerate(properties, start=1) if column not in entry]
    if missing or not features:
        where = f" in feature {missing[0]}" if 0 < len(missing) < len(features) else ""
        raise InputError(
            f"{path}: expected features with a property {column} (--class-column), found none{where}"
        )
    scenes = [entry.get(_SCENE_COLUMN) for entry in properties]
    return shapes, [entry[column] for entry in properties], scenes, crs


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _read_gpkg(path: Path, column: str) -> tuple[Any, list[Any], list[Any], CRS]:
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
        layer = _layer(path, column)
        meta, _, wkb, values = pyogrio.raw.read(path.absolute(), layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path}: cannot be read as GeoPackage: {error}") from error
    if not meta["crs"]:
        raise InputError(f"{path}: expected a CRS, found none")
    fields = dict(zip(meta["fields"], values, strict=True))
    scenes = fields.get(_SCENE_COLUMN, [None] * len(wkb))
    return shapely.from_wkb(wkb), list(fields[column]), list(scenes), CRS.from_user_input(meta["crs"])


def _layer(path: Path, column: str) -> str:
    """The one layer of a GeoPackage that has the column of classes."""
    import pyogrio

    layers = pyogrio.list_layers(path.absolute())[:, 0].tolist()
    fields = {name: list(pyogrio.read_info(path.absolute(), layer=name)["fields"]) for name in layers}
    fitting = [name for name in layers if column in fields[name]]
    if len(fitting) > 1:
        raise InputError(
            f"{path}: expected one layer with a column {column} (--class-column), found {', '.join(fitting)}"
        )
    if not fitting:
        names = dict.fromkeys(name for found in fields.values() for name in found)
        raise InputError(f"{path}: expected a column {column} (--class-column), found {', '.join(names)}")
    return str(fitting[0])
