"""The torch data set: classes by name, reflectance, weights, and workers of both kinds."""

from __future__ import annotations

import numpy as np
import pytest

from catfast.errors import InputError, UsageError
from catfast.patches import PatchDataset
from tests.stores import make_store

torch = pytest.importorskip("torch", reason='needs the extra "train"')

both = pytest.mark.parametrize("store_format", ["geotiff", "safetensors"])


@both
def test_an_item_is_reflectance_and_places_of_classes(tmp_path, store_format):
    store, groups = make_store(tmp_path / "s", store_format)
    data = PatchDataset(store, "val")
    assert len(data) == 4
    item = data[2]
    assert item["id"] == "pair/b_2"
    np.testing.assert_allclose(item["image"].numpy(), groups[1].images[2] / 1e4, rtol=1e-6)
    assert item["image"].dtype == torch.float32
    label = groups[1].labels[2]
    expected = np.select([label == 1, label == 2, label == 255], [1, 2, 255], 0)
    np.testing.assert_array_equal(item["mask"].numpy(), expected)
    assert item["mask"].dtype == torch.int64
    assert item["weight"].item() == 0.5
    assert item["weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("classes", "places"),
    [
        (("clear", "cloud"), {0: 0, 1: 1, 2: 0, 3: 0, 4: 0}),
        (("cloud", "clear"), {0: 1, 1: 0, 2: 1, 3: 1, 4: 1}),
        (("clear", "cloud", "shadow", "snow", "water"), {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}),
        (("clear", "water", "cloud"), {0: 0, 1: 2, 2: 0, 3: 0, 4: 1}),
    ],
)
def test_classes_are_chosen_by_name(tmp_path, classes, places):
    store, groups = make_store(tmp_path / "s")
    item = PatchDataset(store, classes=classes)[0]
    label = groups[0].labels[0]
    for code, place in places.items():
        assert (item["mask"].numpy()[label == code] == place).all()
    assert (item["mask"].numpy()[label == 255] == 255).all()


def test_a_binary_store_gives_clear_and_cloud(tmp_path):
    store, groups = make_store(tmp_path / "s", scheme="binary")
    mask = PatchDataset(store.path)[1]["mask"].numpy()
    np.testing.assert_array_equal(mask, groups[0].labels[1])


@both
def test_a_soft_store_gives_fractions(tmp_path, store_format):
    store, groups = make_store(tmp_path / "s", store_format, soft=True)
    mask = PatchDataset(store, "train")[3]["mask"]
    assert mask.dtype == torch.float32
    label = groups[0].labels[3].astype(np.float64)
    np.testing.assert_allclose(mask.numpy(), np.where(label == 255, np.nan, label / 200), rtol=1e-6)


@pytest.mark.parametrize(
    ("store_format", "start"), [("geotiff", "fork"), ("safetensors", "fork"), ("safetensors", "spawn")]
)
def test_workers_read_what_the_main_process_reads(tmp_path, store_format, start):
    store, _ = make_store(tmp_path / "s", store_format)
    data = PatchDataset(store)
    loader = torch.utils.data.DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context=start)
    seen = 0
    for batch in loader:
        for image, mask, name in zip(batch["image"], batch["mask"], batch["id"], strict=True):
            alone = data[seen]
            assert alone["id"] == name
            torch.testing.assert_close(image, alone["image"], rtol=0, atol=0)
            torch.testing.assert_close(mask, alone["mask"], rtol=0, atol=0)
            seen += 1
    assert seen == len(data) == 8


def test_items_are_the_caller_s_own(tmp_path):
    """Nothing that a transform does reaches the mapped file or the next read."""
    store, _ = make_store(tmp_path / "s", "safetensors")

    def wipe(sample: dict) -> dict:
        sample["image"].zero_()
        sample["mask"].fill_(7)
        return sample

    assert PatchDataset(store, transform=wipe)[0]["mask"].unique().tolist() == [7]
    clean = PatchDataset(store)[0]
    assert clean["image"].max() > 0
    assert 7 not in clean["mask"]


def test_what_cannot_be_is_refused(tmp_path):
    store, _ = make_store(tmp_path / "s")
    with pytest.raises(UsageError, match="split must be one of train, val, test"):
        PatchDataset(store, "validation")
    with pytest.raises(InputError, match="has no patch in split test"):
        PatchDataset(store, "test")
    for classes, message in (
        (("clear", "fog"), "not fog"),
        (("clear", "shadow"), "must be different"),
        (("clear", "cloud", "cloud"), "must be different"),
    ):
        with pytest.raises(UsageError, match=message):
            PatchDataset(store, classes=classes)
    with pytest.raises(InputError, match="no such folder"):
        PatchDataset(tmp_path / "nothing")
    with pytest.raises(IndexError):
        PatchDataset(store)[8]
