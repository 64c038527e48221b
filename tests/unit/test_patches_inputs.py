"""Where patches come from: the pairs file, the scenes of a pair, digests of an order, tiles of a scene."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catfast.errors import InputError, UsageError
from catfast.labels import LabelConfig, Labeller
from catfast.landsat import open_qa
from catfast.order import check_image
from catfast.patches import PatchesConfig
from catfast.patches.ahead import ahead
from catfast.patches.pairlist import Pair, read_pairs
from catfast.patches.scenes import SceneIndex, landsat_scene
from catfast.patches.tiles import Reflectance, TileReader
from catfast.planet import describe_scene
from catfast.raster import open_raster
from tests.conftest import cloudy_dn, write_scene
from tests.label_files import CODE_OF, QA_NAME, SCENE_NAME, around, noise, write_qa
from tests.patch_reference import slow_codes

PS = "20230601_101112_12_2401"
L8 = "LC08_L1TP_074010_20230601_20230607_02_T1"
T0 = datetime(2023, 6, 1, tzinfo=UTC)


def pair(ps_id=PS, l8_id=L8, **more):
    return Pair(pair_id=f"{ps_id}__{l8_id}", ps_id=ps_id, l8_id=l8_id, dt_s=1.0, ps_acquired=T0, **more)


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths[0]


def test_the_slow_codes_of_the_tests_agree_with_the_vectors_of_usgs():
    known = np.array([1, 21824, 21762, 21888, 22080, 22280, 23888, 24088, 24344, 29986, 30048, 54534, 55052])
    assert slow_codes(known).tolist() == [255, 0, 255, 4, 255, 1, 2, 1, 1, 255, 3, 255, 1]
    codes = np.flatnonzero(np.isin(np.arange(65536), [21824, 22280, 23888, 30048, 21888, 22080, 1]))
    np.testing.assert_array_equal(slow_codes(codes), CODE_OF[codes])


class TestScenes:
    def test_files_by_their_names_in_nested_orders(self, tmp_path):
        image = touch(tmp_path / "a" / "PSScene" / f"{PS}_3B_AnalyticMS_SR_harmonized_clip.tif")
        touch(tmp_path / "a" / "PSScene" / f"{PS}_3B_udm2_clip.tif", tmp_path / f"{PS}_3B_Visual.tif")
        touch(tmp_path / "a" / "PSScene" / f"{PS}_3B_AnalyticMS_SR_mask.tif")
        qa = touch(tmp_path / "l8" / L8 / f"{L8}_QA_PIXEL.TIF", tmp_path / "l8" / L8 / f"{L8}_B2.TIF")
        files = SceneIndex([tmp_path]).files(pair())
        assert (files.image, files.qa) == (image, qa)

    def test_surface_reflectance_before_radiance_and_the_plain_name_first(self, tmp_path):
        touch(tmp_path / f"{L8}_QA_PIXEL.TIF", tmp_path / f"{PS}_3B_AnalyticMS.tif")
        touch(tmp_path / f"{PS}_3B_AnalyticMS_8b_SR.tif", tmp_path / f"{PS}_1B_Panchromatic_SR.tif")
        plain = touch(tmp_path / "z" / f"{PS}_3B_AnalyticMS_SR.tif")
        assert SceneIndex([tmp_path]).files(pair()).image == plain

    def test_landsat_files_in_small_letters(self, tmp_path):
        touch(tmp_path / f"{PS}_3B_AnalyticMS_SR.tif")
        qa = touch(tmp_path / f"{L8}_QA_PIXEL.TIF".lower())
        assert SceneIndex([tmp_path]).files(pair()).qa == qa

    def test_another_level_of_the_same_landsat_scene_will_do(self, tmp_path):
        touch(tmp_path / f"{PS}_3B_AnalyticMS_SR.tif")
        qa = touch(tmp_path / "LC08_L2SP_074010_20230601_20230701_02_T1_QA_PIXEL.TIF")
        index = SceneIndex([tmp_path])
        assert index.files(pair()).qa == qa
        assert index.files(pair(l8_id="LC08_074010_20230601")).qa == qa
        with pytest.raises(InputError, match="074011"):
            index.files(pair(l8_id=L8.replace("074010", "074011")))

    def test_the_catalogues_paths_alone(self, tmp_path):
        image = touch(tmp_path / "p" / f"{PS}_3B_AnalyticMS_SR.tif")
        qa = touch(tmp_path / "l" / f"{L8}_QA_PIXEL.TIF")
        files = SceneIndex().files(pair(ps_path=str(tmp_path / "p"), l8_path=str(qa)))
        assert (files.image, files.qa) == (image, qa)
        with pytest.raises(InputError, match=PS):
            SceneIndex().files(pair(ps_path="s3://bucket/key", l8_path=str(tmp_path / "gone")))

    def test_keys_of_landsat_scenes(self):
        assert landsat_scene(L8) == landsat_scene("LC08_074010_20230601") == "LC08_074010_20230601"
        assert landsat_scene("something") == "something"


class TestPairList:
    def write(self, path, rows=2, **columns):
        usual = {
            "pair_id": ["b", "a"],
            "ps_id": ["q", "p"],
            "l8_id": ["m", "l"],
            "dt_s": [1.0, -2.0],
            "ps_acquired": [T0, T0],
        }
        pq.write_table(pa.table(usual | columns).slice(0, rows), path)
        return path

    def test_rows_in_the_order_of_ids(self, tmp_path):
        sun = {"ps_sun_elevation": [None, 5.0], "l8_sun_elevation": [7.0, 6.0]}
        found = read_pairs(self.write(tmp_path / "p.parquet", **sun))
        assert [(row.pair_id, row.dt_s, row.sun_elevation) for row in found] == [("a", -2, 5), ("b", 1, 7)]

    def test_nan_is_a_number_that_is_not_known(self, tmp_path):
        nan = float("nan")
        numbers = {
            "dt_local_s": [nan, 3.0],
            "ps_sun_elevation": [nan, nan],
            "l8_sun_elevation": [7.0, float("inf")],
        }
        found = read_pairs(self.write(tmp_path / "p.parquet", **numbers))
        assert [(row.dt_local_s, row.sun_elevation) for row in found] == [(3.0, None), (None, 7.0)]

    @pytest.mark.parametrize(
        "columns",
        [
            {"pair_id": ["a", "a"]},
            {"ps_id": ["../../etc", "p"]},
            {"l8_id": [None, "l"]},
            {"pair_id": [".hidden", "b"]},
            {"dt_s": [None, 1.0]},
            {"dt_s": [float("nan"), 1.0]},
            {"dt_s": [1.0, float("-inf")]},
            {"ps_path": [1, 2]},
            {"l8_path": [b"folder", None]},
        ],
    )
    def test_ids_that_would_do_harm(self, tmp_path, columns):
        with pytest.raises(InputError):
            read_pairs(self.write(tmp_path / "p.parquet", **columns))

    def test_files_that_are_no_pairs(self, tmp_path):
        with pytest.raises(InputError, match="no such file"):
            read_pairs(tmp_path / "none.parquet")
        (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
        with pytest.raises(InputError, match="parquet"):
            read_pairs(tmp_path / "torn.parquet")
        pq.write_table(pa.table({"scene_id": ["a"]}), tmp_path / "catalogue.parquet")
        with pytest.raises(InputError, match="pair_id"):
            read_pairs(tmp_path / "catalogue.parquet")
        with pytest.raises(InputError, match="empty"):
            read_pairs(self.write(tmp_path / "empty.parquet", rows=0))


class TestManifest:
    def order(self, folder, data=b"pixels", **changes):
        image = folder / "files" / "PSScene" / f"{PS}_3B_AnalyticMS_SR.tif"
        touch(image)
        image.write_bytes(data)
        digests = {"sha256": hashlib.sha256(b"pixels").hexdigest()}
        entry = {"path": f"files/PSScene/{image.name}", "size": 6, "digests": digests} | changes
        (folder / "manifest.json").write_text(json.dumps({"files": [entry]}))
        return image

    def test_the_same_bytes_pass(self, tmp_path):
        assert check_image(self.order(tmp_path))
        assert check_image(self.order(tmp_path, digests={"md5": hashlib.md5(b"pixels").hexdigest()}))  # noqa: S324

    def test_none_that_names_the_scene_is_no_objection(self, tmp_path):
        assert not check_image(touch(tmp_path / f"{PS}_3B_AnalyticMS_SR.tif"))
        self.order(tmp_path)
        assert not check_image(touch(tmp_path / "20230601_101112_12_9999_3B_AnalyticMS_SR.tif"))

    @pytest.mark.parametrize(
        ("data", "changes", "words"),
        [
            (b"pixelz", {}, "sha256"),
            (b"pixels!", {}, "7"),
            (b"pixels", {"digests": {"md5": "XXXX"}}, "md5"),
        ],
    )
    def test_others_are_refused(self, tmp_path, data, changes, words):
        with pytest.raises(InputError, match=words):
            check_image(self.order(tmp_path, data, **changes))

    def test_a_broken_manifest(self, tmp_path):
        image = self.order(tmp_path)
        (tmp_path / "manifest.json").write_text("[]")
        with pytest.raises(InputError, match="manifest"):
            check_image(image)


@pytest.mark.parametrize("block", [64, 96 + 16, 256])
@pytest.mark.parametrize(("size", "stride"), [(100, 100), (64, 40), (32, 90), (250, 3), (300, 1)])
def test_tiles_are_windows_of_the_whole_scene(tmp_path, size, stride, block):
    dn = cloudy_dn(256, 250)
    scene = write_scene(tmp_path / SCENE_NAME, dn, blockxsize=block, blockysize=block)
    qa = write_qa(tmp_path / QA_NAME, noise((60, 60)), around())
    with open_raster(scene) as raster, open_qa(qa) as source:
        found = describe_scene(raster)
        whole = Labeller(source, raster, found, LabelConfig()).rows(0, 256)
        reader = TileReader(raster, found, [Labeller(source, raster, found, LabelConfig())], fold=False)
        rows = []
        for row in reader.rows(size, stride):
            rows.append(row.row)
            assert row.columns == tuple(range(0, 250 - size + 1, stride))
            held = np.s_[row.top : row.top + size]
            np.testing.assert_array_equal(row.image[:, held], dn[:, row.row : row.row + size])
            np.testing.assert_array_equal(row.labels[held], whole[row.row : row.row + size])
    assert rows == ([] if size > 250 else list(range(0, 256 - size + 1, stride)))


@pytest.mark.parametrize("kind", ["uint16", "int16", "float32"])
def test_reflectance_is_rounded_and_keeps_zero_for_nodata(tmp_path, kind):
    dn = np.array([[[0, 1, 2, 7, 30000, 9]]] * 4).astype(kind)
    path = write_scene(tmp_path / "a.tif", dn, tiled=False)
    with open_raster(path) as raster:
        scene = describe_scene(raster, reflectance_scale=2.5e-4)
    valid = np.array([[0, 1, 1, 1, 1, 0]], np.uint8)
    expected = [0, 2, 5, 18, 65535, 0]
    assert Reflectance(scene)(dn, valid)[0, 0].tolist() == expected


def test_ahead_gives_the_same_things_and_the_same_errors():
    def three():
        yield from (1, 2, 3)
        raise InputError("four")

    got = []
    with pytest.raises(InputError, match="four"), ahead(three()) as coming:
        got.extend(coming)
    with ahead(iter(range(5))) as coming:
        assert list(coming) == [0, 1, 2, 3, 4]
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    with ahead(endless()) as coming:
        assert next(coming) == 1
    assert closed == [True]


@pytest.mark.parametrize(
    "options",
    [
        {"size": 8},
        {"stride": 0},
        {"min_valid": 1.5},
        {"min_snow": 0.5, "max_snow": 0.1},
        {"format": "zarr"},
        {"scheme": "some"},
        {"engine": "dask"},
        {"cloud": frozenset({"fill"})},
        {"splits": (0.5, 0.5)},
        {"splits": (0.5, 0.2, 0.2)},
        {"workers": 0},
        {"max_patches": 0},
        {"seed": -1},
    ],
)
def test_options_that_make_no_sense(tmp_path, options):
    with pytest.raises(UsageError, match="--"):
        PatchesConfig(output=tmp_path, **options)


def test_the_command_says_what_differs_from_the_defaults(tmp_path):
    config = PatchesConfig(
        output=tmp_path / "s",
        scenes=(tmp_path / "a b",),
        size=400,
        balance=True,
        cloud=frozenset({"medium", "cirrus"}),
        splits=(0.8, 0.1, 0.1),
        workers=7,
        overwrite=True,
    )
    told = config.command(tmp_path / "p.parquet")
    assert told == (
        f"catfast patches {tmp_path}/p.parquet --scenes '{tmp_path}/a b' --size 400 --cloud cirrus "
        "--cloud medium --balance --splits 0.8,0.1,0.1"
    )
