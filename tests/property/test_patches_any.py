"""Any patches, any names: what goes into a store comes out of it, and counts are numpy's."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.patches import GroupWriter, finish, fractions, label_counts, open_store, verify
from tests.stores import group, store_info

SIZES = st.integers(1, 40)


@settings(max_examples=40, deadline=None)
@given(
    size=SIZES, down=st.integers(0, 9), across=st.integers(0, 9), seed=st.integers(0, 2**32), data=st.data()
)
def test_counts_and_fractions_are_numpy_s(size, down, across, seed, data):
    rng = np.random.default_rng(seed)
    shape = (size + down, size + across)
    image = rng.integers(0, 5, (4, *shape)).astype(np.uint16)
    label = rng.choice(np.array([0, 1, 2, 3, 4, 255], np.uint8), shape)
    row, col = data.draw(st.integers(0, down)), data.draw(st.integers(0, across))
    (counts,) = label_counts(image, label, [row], [col], size)
    window = np.s_[row : row + size, col : col + size]
    seen = (image[:, *window] > 0).all(axis=0)
    codes = label[window][seen]
    np.testing.assert_array_equal(counts, np.bincount(codes, minlength=256))
    found = fractions(counts, size, scheme="full", soft=False)
    labelled = codes[codes != 255]
    assert found.valid_fraction == seen.mean()
    assert found.ignore_fraction == (np.mean(codes == 255) if codes.size else 0)
    for name, code in (("cloud", 1), ("shadow", 2), ("snow", 3), ("water", 4)):
        expected = np.mean(labelled == code) if labelled.size else None
        assert getattr(found, f"{name}_fraction") == expected
    binary = fractions(counts, size, scheme="binary", soft=False)
    assert binary.snow_fraction is binary.shadow_fraction is binary.water_fraction is None


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.sampled_from([0, 1, 77, 199, 200, 255]), min_size=1, max_size=40))
def test_soft_fractions_are_means(values):
    counts = np.bincount(values, minlength=256)
    found = fractions(counts, 7, scheme="full", soft=True)
    labelled = [value for value in values if value != 255]
    if labelled:
        np.testing.assert_allclose(found.cloud_fraction, np.mean(labelled) / 200, rtol=1e-12)
    else:
        assert found.cloud_fraction is None
    assert found.snow_fraction is None


@settings(max_examples=25, deadline=None)
@given(
    store_format=st.sampled_from(["geotiff", "safetensors"]),
    size=SIZES,
    names=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True),
    pair=st.text(min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
def test_any_patch_under_any_name_comes_back(store_format, size, names, pair, seed):
    info = store_info(store_format, size=size)
    made = group("g", info, count=len(names), seed=seed)
    records = [
        replace(record, patch_id=name, pair_id=pair) for record, name in zip(made.records, names, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "s"
        with GroupWriter(root, info, pair) as writer:
            writer.append(made.images, made.labels, records)
        finish(root, info, dict.fromkeys(names, "train"))
        store = open_store(root)
        assert store.index["patch_id"].to_pylist() == names
        for row in range(len(names)):
            image, label = store.read(row)
            np.testing.assert_array_equal(image, made.images[row])
            np.testing.assert_array_equal(label, made.labels[row])
        assert verify(root) == []
