"""The grounds that a simulated world may have: where they are and what is there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SITES", "Site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A stretch of the Arctic, simulated after its kind; nothing in it is a picture of the real place."""

    name: str
    """Short name."""
    lon: float
    """Longitude, degrees."""
    lat: float
    """Latitude, degrees."""
    surfaces: tuple[str, str, str, str]
    """Names in `catfast.simulate.spectra.SURFACES`; the first lies high."""
    relief_m: float
    """Standard deviation of the heights, metres."""
    months: tuple[int, int]
    """First and last month in which it looks like this."""
    low: str
    """Kind of its lower clouds."""
    high: str | None
    """Kind of its upper clouds, if any."""


SITES = (
    Site(
        name="svalbard",
        lon=16.4,
        lat=78.3,
        relief_m=170,
        months=(4, 6),
        low="cumulus",
        high=None,
        surfaces=("wind-packed snow", "coarse snow", "dark rock", "bare white ice"),
    ),
    Site(
        name="noatak",
        lon=-160.2,
        lat=67.9,
        relief_m=90,
        months=(6, 8),
        low="cumulus",
        high=None,
        surfaces=("tundra", "brown tundra", "lake", "dense shrubs"),
    ),
    Site(
        name="beaufort_ice",
        lon=-141.0,
        lat=72.6,
        relief_m=0.6,
        months=(5, 7),
        low="stratocumulus",
        high=None,
        surfaces=("wind-packed snow", "melt pond", "open water", "grey sea ice"),
    ),
    Site(
        name="kangerlussuaq",
        lon=-49.2,
        lat=67.1,
        relief_m=40,
        months=(6, 8),
        low="stratocumulus",
        high="cirrus",
        surfaces=("bare white ice", "dirty ice", "deep melt pond", "moraine"),
    ),
    Site(
        name="lena_delta",
        lon=127.0,
        lat=72.6,
        relief_m=3,
        months=(6, 8),
        low="scraps",
        high="cirrus",
        surfaces=("dry tundra", "tundra", "turbid water", "bright sand"),
    ),
    Site(
        name="novaya_zemlya",
        lon=60.5,
        lat=75.3,
        relief_m=130,
        months=(4, 8),
        low="stratus",
        high=None,
        surfaces=("coarse snow", "firn", "grey rock", "open water"),
    ),
    Site(
        name="ellesmere",
        lon=-76.0,
        lat=79.6,
        relief_m=190,
        months=(5, 7),
        low="cumulus",
        high=None,
        surfaces=("fresh snow", "bare blue ice", "dark rock", "moraine"),
    ),
    Site(
        name="finnmark",
        lon=25.1,
        lat=69.6,
        relief_m=50,
        months=(4, 5),
        low="cumulus",
        high="altocumulus",
        surfaces=("coarse snow", "brown tundra", "needleleaf forest", "lake ice with snow"),
    ),
    Site(
        name="taimyr",
        lon=100.8,
        lat=75.4,
        relief_m=25,
        months=(5, 7),
        low="stratocumulus",
        high=None,
        surfaces=("wet snow", "brown tundra", "lake ice with snow", "dark soil"),
    ),
    Site(
        name="fram_strait",
        lon=-6.0,
        lat=79.2,
        relief_m=0.4,
        months=(4, 8),
        low="cumulus",
        high="cirrus",
        surfaces=("wind-packed snow", "open water", "young ice", "grey sea ice"),
    ),
    Site(
        name="baffin",
        lon=-71.9,
        lat=70.2,
        relief_m=210,
        months=(6, 8),
        low="scraps",
        high="altocumulus",
        surfaces=("coarse snow", "grey rock", "brown tundra", "glacial milk"),
    ),
    Site(
        name="mackenzie",
        lon=-134.7,
        lat=68.9,
        relief_m=4,
        months=(6, 9),
        low="stratocumulus",
        high=None,
        surfaces=("dense shrubs", "green vegetation", "turbid water", "lake"),
    ),
    Site(
        name="chukotka",
        lon=-175.2,
        lat=66.6,
        relief_m=110,
        months=(6, 9),
        low="stratus",
        high="cirrus",
        surfaces=("grey rock", "tundra", "brown tundra", "lake"),
    ),
    Site(
        name="severnaya_zemlya",
        lon=97.5,
        lat=79.3,
        relief_m=60,
        months=(5, 8),
        low="scraps",
        high=None,
        surfaces=("coarse snow", "wet snow", "bare white ice", "dark soil"),
    ),
)
"""Every kind of ground, ice and land in turn; a world takes them in an order drawn from its seed."""
