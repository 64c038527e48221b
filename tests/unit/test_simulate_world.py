from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from catfast import OutputError, WorldConfig, simulate_world
from catfast._core import decode_qa
from catfast.simulate.world import landsat, planetscope
from catfast.simulate.world.cfmask import qa_pixel
from catfast.simulate.world.frame import Frame, View
from catfast.simulate.world.plan import plan_world
from catfast.simulate.world.sites import SITES
from catfast.simulate.world.twin import make_twin


@pytest.fixture(scope="module")
def plans():
    return plan_world(WorldConfig(pairs=16, size_px=512, seed=3))


@pytest.fixture(scope="module")
def twin(plans):
    return make_twin(plans[0])


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"pairs": 501}, {"size_px": 64}, {"seed": -1}])
def test_impossible_worlds_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WorldConfig(**wrong)


def test_pairs_are_coincident_arctic_and_on_grounds_of_their_own(plans):
    assert (
        len({p.ground for p in plans}) == len({p.ps_id for p in plans}) == len({p.l8_id for p in plans}) == 16
    )
    assert len({p.ps.epsg for p in plans}) >= 8
    assert {p.product for p in plans} == {"SR", "AnalyticMS", "AnalyticMS_8b"}
    for plan in plans:
        assert 5 <= abs(plan.dt_s) <= 30
        assert abs(plan.dt_local_s - plan.dt_s) < 5
        assert plan.ps_time.microsecond % 1000 == plan.l8_time.microsecond % 1000 == 0, (
            "as catalogues keep them"
        )
        assert 60 < plan.row.lat < 81
        assert plan.l8_time.year == 2023
        assert 3 <= plan.l8_time.month <= 9
        assert plan.sun[1] > 10
    spots = np.array([(math.radians(p.row.lon), math.radians(p.row.lat)) for p in plans])
    lon, lat = spots[:, :1], spots[:, 1:]
    cosine = np.sin(lat) * np.sin(lat.T) + np.cos(lat) * np.cos(lat.T) * np.cos(lon - lon.T)
    apart = 6371 * np.arccos(np.clip(cosine, -1, 1))
    assert apart[~np.eye(16, dtype=bool)].min() > 60, "kilometres between grounds"


def test_planetscope_lies_inside_the_landsat_footprint(plans):
    for plan in plans:
        (x0, y0), cos, sin = plan.l8.centre, math.cos(plan.l8.tilt), math.sin(plan.l8.tilt)
        for x, y in plan.ps.footprint():
            east, south = x - x0, y0 - y
            assert abs(east * cos + south * sin) < plan.l8.half_side_m
            assert abs(south * cos - east * sin) < plan.l8.half_side_m


def test_the_same_seed_plans_the_same_world(plans):
    assert plan_world(WorldConfig(pairs=16, size_px=512, seed=3)) == plans
    assert plan_world(WorldConfig(pairs=16, size_px=512, seed=4)) != plans


def test_footprint_and_valid_pixels_agree():
    frame = Frame(epsg=32633, west=0, north=3000, px_m=3.0, size=1000, tilt=math.radians(14))
    corners = np.array(frame.footprint()[:4])
    x, y = corners.T
    area = 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))
    valid = frame.valid()
    assert valid.sum() * 9 == pytest.approx(area, rel=0.01)
    assert 0.6 < valid.mean() < 0.8
    for cx, cy in 0.995 * (corners - frame.centre) + frame.centre:
        assert valid[int((3000 - cy) / 3), int(cx / 3)]
    for cx, cy in 1.01 * (corners - frame.centre) + frame.centre:
        row, column = int((3000 - cy) // 3), int(cx // 3)
        assert not (0 <= row < 1000 and 0 <= column < 1000) or not valid[row, column]


def test_a_cloud_seems_moved_away_from_the_satellite():
    east, north = View(off_nadir=math.atan(0.1), azimuth=math.radians(90)).parallax(5000)
    assert east == pytest.approx(-500)
    assert north == pytest.approx(0, abs=1e-9)


def test_sites_are_made_of_known_things():
    from catfast.simulate.cloudkinds import HIGH, LOW
    from catfast.simulate.spectra import SURFACES

    for site in SITES:
        assert set(site.surfaces) <= {s.name for s in SURFACES}
        assert site.low in {k.name for k in LOW}
        assert site.high is None or site.high in {k.name for k in HIGH}
        assert 60 < site.lat < 81
        assert 3 <= site.months[0] <= site.months[1] <= 9


def moved(fixed: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """Rows and columns by which `other` is `fixed` moved: the peak of their correlation."""
    a, b = (np.fft.fft2(x - x.mean()) for x in (fixed, other))
    peak = np.unravel_index(np.argmax(np.fft.ifft2(np.conj(a) * b).real), fixed.shape)
    dy, dx = (int(p) if p < n // 2 else int(p) - n for p, n in zip(peak, fixed.shape, strict=True))
    return dy, dx


def test_clouds_move_by_wind_and_parallax_and_shadows_by_wind_alone():
    plan = plan_world(WorldConfig(pairs=1, size_px=1500, seed=0))[0]
    site = dataclasses.replace(plan.site, low="cumulus", high=None, relief_m=0)
    view = View(off_nadir=math.radians(6), azimuth=math.radians(70))
    plan = dataclasses.replace(plan, site=site, winds=((14.0, -9.0), (0.0, 0.0)), ps_view=view)
    twin = make_twin(plan)
    height, parallax = twin.heights_m[0], plan.ps_view.parallax(twin.heights_m[0])
    seen_by_l8 = plan.l8_view.parallax(height)
    for axis in (0, 1):
        blown = plan.winds[0][axis] * plan.dt_local_s
        assert twin.shadows_moved_m[0][axis] == pytest.approx(blown)
        assert twin.moved_m[0][axis] == pytest.approx(blown + parallax[axis] - seen_by_l8[axis])
    assert math.dist(twin.moved_m[0], twin.shadows_moved_m[0]) > 50
    # Each code's mask, averaged to 30 m, is found in the Landsat truth where the metres say.
    row = round((plan.l8.north - plan.ps.north) / 30)
    column = round((plan.ps.west - plan.l8.west) / 30)
    fraction = [(plan.l8.north - plan.ps.north) / 30 - row, (plan.ps.west - plan.l8.west) / 30 - column]
    n, valid = 150, twin.planet.valid.reshape(150, 10, 150, 10).all((1, 3))
    for code, metres in ((1, twin.moved_m[0]), (2, twin.shadows_moved_m[0])):
        ps = (twin.planet.truth == code).reshape(n, 10, n, 10).mean((1, 3)) * valid
        l8 = (twin.landsat.truth[row : row + n, column : column + n] == code) * valid.astype(float)
        dy, dx = moved(l8, ps)
        assert dx * 30 + fraction[1] * 30 == pytest.approx(metres[0], abs=45)
        assert dy * 30 + fraction[0] * 30 == pytest.approx(-metres[1], abs=45)


def test_truth_and_pixels_know_the_footprint(twin):
    for scene in (twin.planet, twin.landsat):
        np.testing.assert_array_equal(scene.truth == 255, ~scene.valid)
        assert scene.reflectance.shape == (4, *scene.valid.shape)
        assert np.isfinite(scene.reflectance).all()


def test_qa_pixel_decodes_to_the_truth_for_the_most_part(plans):
    right, seen = 0, 0
    for plan in plans[:3]:
        scene = make_twin(plan).landsat
        qa = qa_pixel(scene, plan.seed + 2)
        codes = np.empty(qa.shape, np.uint8)
        decode_qa(qa, codes)
        assert (codes[~scene.valid] == 255).all()
        assert (qa[~scene.valid] == 1).all()
        decided = codes != 255
        assert decided[scene.valid].mean() > 0.3
        right += (codes == scene.truth)[decided].sum()
        seen += decided.sum()
    assert 0.85 < right / seen < 0.9999, "right for the most part, and not always"


def test_qa_bits_fit_together(twin):
    qa = qa_pixel(twin.landsat, 1)[twin.landsat.valid]
    fill, dilated, cirrus, cloud, shadow, snow, clear, water = ((qa >> k) & 1 == 1 for k in range(8))
    cloud_conf, shadow_conf, snow_conf, cirrus_conf = ((qa >> k) & 3 for k in (8, 10, 12, 14))
    assert not fill.any()
    assert not (cloud & dilated).any()
    np.testing.assert_array_equal(clear, ~cloud & ~dilated)
    np.testing.assert_array_equal(cloud_conf == 3, cloud)
    for flag, confidence in ((shadow, shadow_conf), (snow, snow_conf), (cirrus, cirrus_conf)):
        np.testing.assert_array_equal(confidence, np.where(flag, 3, 1))
    assert not (water & cloud).any()
    assert dilated.any()


def test_landsat_counts_give_reflectance_by_the_documented_sum(plans, twin):
    plan, scene = plans[0], twin.landsat
    dn = landsat.counts(plan, scene)
    value = (dn * 2e-5 - 0.1) / math.sin(math.radians(plan.sun[1]))
    inside = scene.valid & (scene.reflectance < 1.2).all(0)
    np.testing.assert_allclose(value[:, inside], scene.reflectance[:, inside], atol=1.01e-5 / 0.2)
    assert (dn[:, ~scene.valid] == 0).all()
    assert dn[:, scene.valid].min() >= 1


@pytest.mark.parametrize("product", ["SR", "AnalyticMS", "AnalyticMS_8b"])
def test_planetscope_counts_times_coefficient_are_reflectance(plans, twin, product):
    plan = dataclasses.replace(plans[0], product=product)
    dn, gain = planetscope.counts(plan, twin.planet), planetscope.coefficients(plan)
    bands = [1, 3, 5, 7] if product.endswith("8b") else [0, 1, 2, 3]
    assert dn.shape[0] == len(gain) == (8 if product.endswith("8b") else 4)
    valid = twin.planet.valid
    for band, truth in zip(bands, twin.planet.reflectance, strict=True):
        clipped = np.clip(truth[valid], gain[band], 65535 * gain[band])
        np.testing.assert_allclose(dn[band][valid] * gain[band], clipped, atol=0.51 * gain[band])
    assert (dn[:, ~valid] == 0).all()
    assert dn[:, valid].min() >= 1


def test_the_usable_data_mask_is_mostly_right(plans, twin):
    mask = planetscope.usable_data_mask(plans[0], twin.planet)
    valid, truth = twin.planet.valid, twin.planet.truth
    assert mask.shape == (8, 512, 512)
    assert mask.dtype == np.uint8
    assert (mask[:6].sum(0)[valid] == 1).all()
    assert (mask[:7, ~valid] == 0).all()
    np.testing.assert_array_equal(mask[7] == 1, ~valid)
    assert ((mask[5] == 1) == (truth == 1))[valid].mean() > 0.85


def test_nothing_but_an_older_world_is_overwritten(tmp_path):
    config = WorldConfig(pairs=1, size_px=128)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("do not lose")
    with pytest.raises(OutputError, match="empty folder"):
        simulate_world(mine, config)
    with pytest.raises(OutputError, match="simulated world only"):
        simulate_world(mine, dataclasses.replace(config, overwrite=True))
    assert (mine / "thesis.txt").read_text() == "do not lose"
    with pytest.raises(OutputError, match="found none"):
        simulate_world(tmp_path / "no" / "such", config)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file or a link"):
        simulate_world(tmp_path / "file", config)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "mine"]


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path, limit):
    import resource

    command = [
        sys.executable,
        "-c",
        "from catfast.cli import main; main()",
        "simulate",
        str(tmp_path / "world"),
    ]
    done = subprocess.run(
        [*command, "--pairs", "1", "--size", "128", "-q"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 4
    assert "cannot be written" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(f"catfast: {tmp_path / 'world'}")
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_makes_the_same_files(tmp_path):
    config = WorldConfig(pairs=2, size_px=128, seed=8)
    one, two = (simulate_world(tmp_path / name, config) for name in ("one", "two"))
    assert one.pairs == two.pairs
    first = {p.relative_to(one.out): p.read_bytes() for p in one.out.rglob("*") if p.is_file()}
    second = {p.relative_to(two.out): p.read_bytes() for p in two.out.rglob("*") if p.is_file()}
    assert first == second
    assert json.loads(first[next(p for p in first if p.name == "world.json")])["simulated"] is True
