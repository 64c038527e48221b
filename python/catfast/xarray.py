"""``da.catfast.mask()``: masks of xarray's DataArrays. Importing this module registers the accessor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from catfast.classes import LABELS, NODATA
from catfast.errors import InputError, MissingExtraError
from catfast.mask import MaskConfig, mask_image
from catfast.planet import MAX_REFLECTANCE

try:
    import xarray as xr
except ModuleNotFoundError as error:
    raise MissingExtraError("catfast.xarray", "xarray") from error

__all__ = ["CatfastAccessor"]

OF_PIXELS = (
    "_FillValue",
    "add_offset",
    "descriptions",
    "dtype",
    "long_name",
    "missing_value",
    "nodata",
    "scale_factor",
    "scales",
    "offsets",
    "standard_name",
    "units",
    "valid_max",
    "valid_min",
    "valid_range",
)
"""Attributes that tell of the image's values: they are not the mask's."""

STEP_TOLERANCE = 1e-6
"""By how much of a pixel coordinates may be unevenly spaced, and a GeoTransform differ from them."""


@xr.register_dataarray_accessor("catfast")  # type: ignore[no-untyped-call]
class CatfastAccessor:
    """What catfast does with a DataArray."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def mask(
        self,
        config: MaskConfig | None = None,
        *,
        gsd: float | tuple[float, float] | None = None,
        nodata: float | None = None,
        **options: Any,
    ) -> xr.DataArray:
        """Codes of the image: 0 clear, 1 cloud, 2 cloud shadow, 255 nodata.

        The dimensions are ``y``, ``x`` and one of bands, in any order. Bands come as
        :func:`catfast.mask.mask_array` takes them, or are named by the band coordinate or ``long_name``.
        The CRS is that of the grid mapping (``spatial_ref``, as rioxarray and CF write it), the size of a
        pixel that of the coordinates, else of its GeoTransform.

        An array of dask's chunks gives a lazy mask. The whole image is one task, whose memory grows with
        it: so the mask is the same however it is chunked.

        Args:
            config: options of masking.
            gsd: metres a pixel, or (down, along), for images without a CRS.
            nodata: value of pixels that were not seen; None takes that of the attributes.
            options: fields of :class:`catfast.MaskConfig`.

        Returns:
            uint8, with the coordinates, the CRS and the attributes of the image but those of its values.

        Raises:
            InputError: the array is not an image that can be masked.
            UsageError: options that do not fit together.
        """
        image = self._array
        bands = _band_dim(image)
        image = image.transpose(bands, "y", "x")
        transform, crs = (None, None) if gsd is not None else _place(image)
        arguments = {
            "config": config,
            "gsd": gsd,
            "transform": None if transform is None else tuple(transform)[:6],
            "crs": crs,
            "nodata": _nodata(image) if nodata is None else nodata,
            "bands": _band_names(image, bands),
            **options,
        }
        packing = None if _scale_given(config, options) else _packing(image)
        codes = (
            _lazily(image, packing, arguments) if image.chunks else _codes(image.values, packing, arguments)
        )
        order = [dim for dim in self._array.dims if dim != bands]
        return _dressed(image.isel({bands: 0}, drop=True), codes).transpose(*order)


def _band_dim(image: xr.DataArray) -> Any:
    others = [dim for dim in image.dims if dim not in ("y", "x")]
    if image.ndim != 3 or len(others) != 1 or _is_time(image, others[0]):
        raise InputError(f"array: expected dimensions band, y and x, found {', '.join(map(str, image.dims))}")
    return others[0]


def _is_time(image: xr.DataArray, dim: Any) -> bool:
    """Four times of one band are no image of four bands."""
    return dim in image.coords and image.coords[dim].dtype.kind == "M"


def _band_names(image: xr.DataArray, dim: Any) -> list[str] | None:
    """From the coordinate of bands where it holds words, else from ``long_name``.

    Of a file's bands that were picked, ``long_name`` still names all: the coordinate says which are left.
    """
    names = image.coords[dim].values if dim in image.coords else np.array([])
    if names.dtype.kind in "OUT" and all(isinstance(name, str) for name in names.tolist()):
        return names.tolist() or None
    told = image.attrs.get("long_name")
    if not isinstance(told, Sequence) or isinstance(told, str):
        return None
    if len(told) == image.sizes[dim]:
        return [str(name) for name in told]
    if names.dtype.kind not in "iu" or not all(0 < number <= len(told) for number in names.tolist()):
        return None
    return [str(told[number - 1]) for number in names.tolist()] or None


def _nodata(image: xr.DataArray) -> float | None:
    for name in ("_FillValue", "missing_value", "nodata"):
        if image.attrs.get(name) is not None:
            return float(image.attrs[name])
    return None


def _scale_given(config: MaskConfig | None, options: dict[str, Any]) -> bool:
    return "reflectance_scale" in options or (config is not None and config.reflectance_scale is not None)


def _packing(image: xr.DataArray) -> tuple[float, float] | None:
    """Scale and offset of values that may be packed, None where the attributes have none.

    A scale of 1 without an offset says nothing: rioxarray gives it to every file without a scale.
    """
    found = float(image.attrs.get("scale_factor", 1)), float(image.attrs.get("add_offset", 0))
    return None if found == (1, 0) else found


def _codes(
    values: npt.NDArray[Any], packing: tuple[float, float] | None, arguments: dict[str, Any]
) -> npt.NDArray[np.uint8]:
    """The mask of values that are still packed, or are reflectance though the attributes say packed.

    xarray keeps attributes in arithmetic: of ``da * da.scale_factor`` they tell of values that are gone.
    """
    if packing is None or _is_reflectance(values, arguments["nodata"]):
        return mask_image(values, **arguments)
    if packing[1] != 0:
        raise InputError("array: packed with an add_offset: decode it first, or give reflectance_scale")
    return mask_image(values, **{**arguments, "reflectance_scale": packing[0]})


def _is_reflectance(values: npt.NDArray[Any], nodata: float | None) -> bool:
    """As of files: values with fractions, none of which is as large as a count would be."""
    if values.dtype.kind != "f":
        return False
    return all(
        band[np.isfinite(band) & (band != nodata)].max(initial=-np.inf) < MAX_REFLECTANCE for band in values
    )


def _place(image: xr.DataArray) -> tuple[Affine | None, str | None]:
    """Transform and CRS of the image, None where it has none."""
    name = image.encoding.get("grid_mapping") or image.attrs.get("grid_mapping") or "spatial_ref"
    told = image.coords[name].attrs if name in image.coords else {}
    crs = told.get("crs_wkt") or told.get("spatial_ref")
    text = told.get("GeoTransform")
    tagged = Affine.from_gdal(*map(float, text.split())) if text else None
    return _by_coordinates(image, tagged) or tagged, crs


def _by_coordinates(image: xr.DataArray, tagged: Affine | None) -> Affine | None:
    """The transform of evenly spaced pixel middles, None where there are none.

    A GeoTransform is that of the file: of a part of it, or one that was thinned out, only coordinates know.
    """
    if not all(dim in image.coords and image.sizes[dim] > 1 for dim in ("y", "x")):
        return None
    (y, dy), (x, dx) = (_even(image, dim) for dim in ("y", "x"))
    if tagged is not None and not (tagged.b or tagged.d):
        close = np.isclose([dx, dy], [tagged.a, tagged.e], rtol=STEP_TOLERANCE, atol=0)
        dx, dy = np.where(close, [tagged.a, tagged.e], [dx, dy]).tolist()
    return Affine(dx, 0, x - dx / 2, 0, dy, y - dy / 2)


def _even(image: xr.DataArray, dim: str) -> tuple[float, float]:
    """First coordinate and step."""
    values = image.coords[dim].values.astype(np.float64)
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not np.allclose(np.diff(values), step, rtol=0, atol=max(abs(step), 1e-12) * 1e-3):
        raise InputError(f"array: expected evenly spaced {dim} coordinates")
    return float(values[0]), float(step)


def _lazily(image: xr.DataArray, packing: tuple[float, float] | None, arguments: dict[str, Any]) -> Any:
    import dask
    import dask.array

    task = dask.delayed(_codes, pure=True)(image.data, packing, arguments)
    return dask.array.from_delayed(task, image.shape[1:], np.uint8)


def _dressed(like: xr.DataArray, codes: Any) -> xr.DataArray:
    """``codes`` in the place of one band, described as CF describes flags."""
    mask = like.copy(data=codes).rename("cloud_mask")
    kept = {name: value for name, value in like.attrs.items() if name not in OF_PIXELS}
    flags = {
        "_FillValue": np.uint8(NODATA),
        "flag_values": np.array([code for code in LABELS if code != NODATA], np.uint8),
        "flag_meanings": " ".join(
            text.replace(" ", "_").replace("/", "_or_") for code, text in LABELS.items() if code != NODATA
        ),
    }
    mask.attrs = {**kept, **flags}
    mapping = like.encoding.get("grid_mapping")
    mask.encoding = {} if mapping is None else {"grid_mapping": mapping}
    return mask
