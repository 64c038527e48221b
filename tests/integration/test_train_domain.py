"""What a trained model says of its training data, against the index of the store and its patches."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyproj import Transformer

from catfast.models import Domain, ModelConfig
from catfast.train import TrainConfig, train
from recipes.simulated_store import write_store

SIZE = 32
CONFIG = TrainConfig(encoder="tu-mobilenetv3_small_050", max_steps=1, batch_size=2)


def patches(count=24):
    """Half of every patch cloud; from the third on, more and more of it beyond any sensor's limit."""
    image = np.full((count, 4, SIZE, SIZE), 0.2, np.float32)
    label = np.zeros((count, SIZE, SIZE), np.uint8)
    image[:, :, :16], label[:, :16] = 0.7, 1
    for place in range(2, count):
        image[place, :, 0, : place + 1] = 1.5
    image[:, :, :, -4:] = 0
    return image, label


def retold(path, **columns):
    """The store with other columns in its index, of which no patch is simulated."""
    table = pq.read_table(path / "index.parquet")
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )
    pq.write_table(table, path / "index.parquet")
    content = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(content | {"simulated": False}))
    return table


@pytest.fixture
def told(tmp_path):
    """The store, and the domain of a model that was trained on it."""

    def run(**columns):
        path = write_store(tmp_path / "store", *patches()).path
        table = retold(path, **columns)
        return table, ModelConfig.load(train([path], tmp_path / "run", CONFIG).run).domain

    return run


def test_bounds_are_those_of_the_training_split(told):
    rng = np.random.default_rng(3)
    suns = [None, *rng.uniform(4, 40, 23)]
    corners = rng.uniform((400_000, 7_700_000), (600_000, 8_900_000), (24, 2))
    transforms = [(10.0, 0.0, east, 0.0, -10.0, north) for east, north in corners]
    names = [f"20230601_{k:06d}_12_24ab" for k in range(24)]
    table, domain = told(sun_elevation=suns, transform=transforms, epsg=[32633] * 24, ps_id=names)
    train_rows = [k for k, split in enumerate(table["split"].to_pylist()) if split == "train"]
    lowest = min(suns[k] for k in train_rows if suns[k] is not None)
    assert lowest - 0.1 <= domain.min_sun_elevation <= lowest
    half = SIZE * 10 / 2
    _, latitudes = Transformer.from_crs(32633, 4326, always_xy=True).transform(
        corners[train_rows, 0] + half, corners[train_rows, 1] - half
    )
    south, north = domain.latitude
    assert south == pytest.approx(latitudes.min(), abs=0.1)
    assert north == pytest.approx(latitudes.max(), abs=0.1)
    assert south <= latitudes.min() < latitudes.max() <= north
    assert domain.sensors == ("PSB.SD",)
    images, _ = patches()
    shares = [100 * (image.min(0) > 1.3).sum() / (image.min(0) > 0).sum() for image in images[train_rows]]
    assert domain.saturated_above == 1.3
    assert domain.saturated_percent == pytest.approx(np.percentile(shares, 99), abs=0.06)


def test_what_the_index_does_not_tell_stays_open(told):
    """No sun is known, and an id of four parts may be of either older instrument."""
    _, domain = told(ps_id=["20180601_101112_0f34"] * 12 + ["20230601_101112_12_24ab"] * 12)
    assert (domain.min_sun_elevation, domain.sensors) == (None, ())


def test_simulated_patches_lie_nowhere(tmp_path):
    path = write_store(tmp_path / "store", *patches()).path
    domain = ModelConfig.load(train([path], tmp_path / "run", CONFIG).run).domain
    assert (domain.latitude, domain.sensors) == (None, ())


def test_bounds_are_rounded_away_from_the_data():
    image = np.full((4, 8, 8), 0.3, np.float32)
    domain = Domain.seen(images=[image], sun_elevations=[7.48, 12.0], latitudes=[-61.23, 70.0, 74.91])
    assert (domain.min_sun_elevation, domain.latitude) == (7.4, (-61.3, 75.0))
    assert (domain.saturated_above, domain.saturated_percent) == (1.3, 0.0)
    assert Domain.seen(images=[np.zeros_like(image)]) == Domain()
