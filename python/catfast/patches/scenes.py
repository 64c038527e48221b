"""Where the files of a pair are: an image of PlanetScope and a QA_PIXEL of Landsat, found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from catfast.errors import InputError
from catfast.landsat import product_id
from catfast.patches.pairlist import Pair
from catfast.paths import walk
from catfast.planet import scene_id

_NO_IMAGE = r"udm|_visual|_panchromatic|_truth|_mask|_confidence|_label|_QA_PIXEL|_B\d+\."
_IMAGE = re.compile(rf"(?i)(?!.*(?:{_NO_IMAGE})).*\.tiff?$")
_QA = re.compile(r"(?i).*_QA_PIXEL\.tiff?$")
_SCENE_KEY = re.compile(r"(L[COTEM]0[1-9])_(?:L[12]\w{2}_)?(\d{6})_(\d{8})(?:_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFiles:
    """The two files of a pair."""

    image: Path
    """PlanetScope's bands."""
    qa: Path
    """Landsat's QA_PIXEL."""


class SceneIndex:
    """Files by the id in their names; every folder is listed once."""

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self._images: dict[str, list[tuple[object, ...]]] = {}
        self._qa: dict[str, list[tuple[object, ...]]] = {}
        self._listed: dict[Path, int] = {}
        for root in roots:
            if not root.is_dir():
                raise InputError(f"{root}: expected a folder with scenes, found none")
            for folder, names in walk(root):
                self._list(folder, names)

    def files(self, pair: Pair) -> PairFiles:
        """The files of a pair: from where its catalogue says, or below the roots.

        Raises:
            InputError: one of the two is nowhere.
        """
        for place in (pair.ps_path, pair.l8_path):
            self._list_place(place)
        image = _first(self._images.get(pair.ps_id))
        if image is None:
            raise InputError(f"{pair.pair_id}: expected an image of {pair.ps_id} below --scenes, found none")
        qa = _first(self._qa.get(pair.l8_id)) or _first(self._qa.get(landsat_scene(pair.l8_id)))
        if qa is None:
            raise InputError(f"{pair.pair_id}: expected QA_PIXEL of {pair.l8_id} below --scenes, found none")
        return PairFiles(image=image, qa=qa)

    def _list_place(self, place: str | None) -> None:
        folder = Path(place) if place and "://" not in place else None
        if folder is None:
            return
        folder = folder if folder.is_dir() else folder.parent
        if folder not in self._listed and folder.is_dir():
            self._list(folder, (path.name for path in folder.iterdir()))

    def _list(self, folder: Path, names: Iterable[str]) -> None:
        if folder in self._listed:
            return
        place = self._listed[folder] = len(self._listed)
        for name in names:
            path = folder / name
            product = product_id(name)
            if product is not None and _QA.match(name):
                for key in (product.text, landsat_scene(product.text)):
                    self._qa.setdefault(key, []).append((place, name, path))
            elif product is None and _IMAGE.match(name):
                rank = (not re.search(r"_SR(_|\.)", name), len(name), place, name, path)
                self._images.setdefault(scene_id(path), []).append(rank)


def landsat_scene(l8_id: str) -> str:
    """What all products of one Landsat scene share: sensor, path and row, day; else the id itself."""
    match = _SCENE_KEY.match(l8_id)
    return "_".join(match.groups()) if match else l8_id


def _first(found: list[tuple[object, ...]] | None) -> Path | None:
    """Surface reflectance before radiance, the plainest name, the folder listed first."""
    path = min(found)[-1] if found else None
    return path if isinstance(path, Path) else None
