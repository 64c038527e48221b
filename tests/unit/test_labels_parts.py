"""Options of labels, nodes between grids, and what an output was made from."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from catfast.errors import InputError, OutputError, UsageError
from catfast.labels import LabelConfig
from catfast.labels.nodes import WIDEST_STEP, Mapper
from catfast.raster import Grid, file_sha256, is_made_already, parse_crs, tiff_writer
from catfast.raster.write import CogStyle
from tests.label_files import around


def grid(crs: str, transform: Affine, size: int = 500) -> Grid:
    return Grid(width=size, height=size, transform=transform, crs=parse_crs(crs))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"scheme": "both"}, "--scheme must be one of full, binary, not both"),
        ({"method": "mode"}, "--method must be one of nearest, majority, bilinear, fraction, not mode"),
        ({"cloud": frozenset({"fill"})}, "--cloud must be among dilated, medium, cirrus, not fill"),
        ({"ignore": frozenset({"snow"})}, "--ignore must be among fill, dilated, medium, cirrus, not snow"),
    ],
)
def test_options_are_checked(options, text):
    with pytest.raises(UsageError) as caught:
        LabelConfig(**options)
    assert str(caught.value) == text


def test_options_become_flags_and_tags():
    config = LabelConfig(cloud=frozenset({"cirrus"}), ignore=frozenset({"medium"}))
    assert config.rule() == {"scheme": "full", "method": "nearest", "cloud": 8, "ignore": 5}
    assert config.tags() == {
        "CATFAST_SCHEME": "full",
        "CATFAST_METHOD": "nearest",
        "CATFAST_CLOUD": "cirrus",
        "CATFAST_IGNORE": "fill,medium",
    }


def test_equal_grids_meet_pixel_by_pixel():
    source = around(pixels=500)
    place = Mapper(source, source).locate([0, 3, 499], [0, 7, 499])
    assert np.allclose(place, [[0.5, 0.5], [3.5, 7.5], [499.5, 499.5]], atol=1e-9)


def test_one_crs_takes_the_widest_step_and_no_proj():
    nodes, step, first = Mapper(around(), grid("EPSG:32604", Affine(3, 1, 5e5, 1, -3, 7.9e6))).nodes(130, 300)
    assert (step, first) == (WIDEST_STEP, 2)
    assert nodes.shape == (4, 9, 2)


def test_nodes_of_the_same_place_are_the_same_in_every_band():
    mapper = Mapper(around(), grid("EPSG:3413", Affine(3, 0, -2e6, 0, -3, 1e5)))
    upper, step, first = mapper.nodes(0, 256)
    lower, other, second = mapper.nodes(128, 500)
    assert (step, first) == (other, 0)
    assert np.array_equal(upper[second:], lower[: len(upper) - second])


def test_denser_nodes_are_as_good_as_proj():
    mapper = Mapper(around(), grid("EPSG:3413", Affine(10, 0, -2e6, 0, -10, 1e5)))
    nodes, step, _ = mapper.nodes(0, 500)
    assert step < WIDEST_STEP
    lattice = np.meshgrid(np.arange(len(nodes)) * step, np.arange(nodes.shape[1]) * step, indexing="ij")
    assert np.abs(nodes - mapper.locate(*lattice)).max() < 1e-7


def test_where_proj_has_no_answer_the_nodes_say_so():
    """A geographic grid that runs past the pole: rows beyond it have no place, those before it do."""
    source = Grid(
        width=400, height=400, transform=Affine(30, 0, -6000, 0, -30, 6000), crs=parse_crs("EPSG:3413")
    )
    target = grid("EPSG:4326", Affine(0.01, 0, 0, 0, -0.0002, 90.05))
    mapper = Mapper(source, target)
    nodes, step, _ = mapper.nodes(0, 500)
    before = nodes[(300 // step) + 1 :]
    assert np.isfinite(before).all()
    exact = mapper.locate(np.array([400.0]), np.array([100.0]))[0]
    assert np.isfinite(exact).all()


def test_an_output_knows_what_it_was_made_from(tmp_path):
    output, given = tmp_path / "label.tif", tmp_path / "given.txt"
    given.write_text("x")
    assert file_sha256(given) == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    with pytest.raises(InputError, match="cannot be read"):
        file_sha256(tmp_path / "nothing")
    tags = {"CATFAST_SCHEME": "full"}
    assert not is_made_already(output, {"scene": given}, tags, overwrite=False)
    with tiff_writer(output, around(pixels=20), nodata=255) as writer:
        writer.append(np.zeros((20, 20), np.uint8))
        writer.finish(CogStyle(descriptions=("x",), tags=tags, band_tags={}))
    assert is_made_already(output, {"scene": given}, tags, overwrite=False)
    assert not is_made_already(output, {"scene": given}, tags, overwrite=True)
    with pytest.raises(OutputError, match="made with another scheme"):
        is_made_already(output, {"scene": given}, {"CATFAST_SCHEME": "binary"}, overwrite=False)
    with pytest.raises(OutputError, match="is the scene itself"):
        is_made_already(given, {"scene": given}, tags, overwrite=True)
    with pytest.raises(OutputError, match="is a folder"):
        is_made_already(tmp_path, {"scene": given}, tags, overwrite=True)


def test_an_unfinished_file_never_appears(tmp_path):
    output = tmp_path / "label.tif"

    def fail():
        with tiff_writer(output, around(pixels=20), nodata=255) as writer:
            writer.append(np.zeros((20, 20), np.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())
