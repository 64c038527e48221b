"""Items of a STAC API that the user names by its URL: only here does a catalogue use the network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from catfast.catalog.config import CatalogConfig
from catfast.errors import InputError, MissingExtraError, UsageError

PAGE = 250
"""Items a page; many servers give no more."""
TIMEOUT_S = 60.0


def is_url(source: object) -> bool:
    """Whether a source is to be fetched."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def api_features(url: str, config: CatalogConfig) -> Iterator[Any]:
    """Items of the search that `config` describes, a page at a time.

    Raises:
        MissingExtraError: pystac-client is not installed.
        UsageError: no collection is named, or the search is malformed.
        InputError: no STAC API answers there, or not to the end.
    """
    try:
        import pystac_client
    except ImportError as error:
        raise MissingExtraError("reading a STAC API", "pairs") from error
    if not config.collections:
        raise UsageError(f"{url}: name the collection to search by --collection")
    # Below, pystac, pystac-client and requests raise errors of many kinds, Exception itself among them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client = pystac_client.Client.open(url, timeout=TIMEOUT_S)
        except Exception as error:
            raise InputError(f"{url}: no STAC API answers there: {_first_line(error)}") from error
        try:
            search = client.search(
                collections=list(config.collections),
                bbox=config.bbox,
                datetime=config.datetime,
                limit=PAGE,
            )
        except Exception as error:
            raise UsageError(f"{url}: cannot be searched so: {_first_line(error)}") from error
    try:
        for page in search.pages_as_dicts():
            yield from page["features"]
    except Exception as error:
        raise InputError(f"{url}: the STAC API broke off: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
