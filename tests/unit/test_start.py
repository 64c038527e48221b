"""Starting is light: what is loaded, and what a missing extra says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import run_catfast

HEAVY = ("torch", "pyspark", "onnxruntime", "rasterio", "transformers", "numpy")


def loaded_by(code: str) -> set[str]:
    script = (
        f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import catfast",
        "import catfast.cli",
        "from catfast.cli import cli; cli.main(['--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['mask', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['simulate', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['catalog', 'planet', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['pairs', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['store', 'pack', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['patches', '--help'], standalone_mode=False)",
        "from catfast.cli import cli; cli.main(['train', '--help'], standalone_mode=False)",
    ],
)
def test_help_loads_nothing_heavy(code):
    assert not loaded_by(code) & set(HEAVY)


def test_masking_with_onnx_does_not_load_torch(scene, known_model):
    code = f"""
from catfast import MaskConfig, mask_scene
mask_scene({str(scene)!r}, None, MaskConfig(model={str(known_model)!r}))
"""
    loaded = loaded_by(code)
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "pyspark", "transformers", "segmentation_models_pytorch"}


def test_masking_does_not_wait_for_what_few_masks_need():
    assert not loaded_by("import catfast.mask; catfast.mask.MaskConfig") & {"PIL", "pyproj", "rio_cogeo"}


def test_a_missing_extra_is_one_line(scene, known_model, tmp_path):
    """A real absence: an import hook in a fresh interpreter hides torch, as on the light install."""
    hook = (
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'safetensors', 'openvino'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    folder = tmp_path / "untraced"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((known_model / name).read_bytes())
    call = f"import catfast.cli; catfast.cli.main(['mask', {str(scene)!r}, '--model', {str(folder)!r}])"
    done = subprocess.run([sys.executable, "-c", hook + call], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith('pip install "catfast[train]"')
    call = f"import catfast.cli; catfast.cli.main(['mask', {str(scene)!r}, '--runtime', 'openvino'])"
    done = subprocess.run([sys.executable, "-c", hook + call], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        'catfast: --runtime openvino needs more packages: pip install "catfast[openvino]"'
    )
    assert len(done.stderr.strip().splitlines()) == 1


def test_version():
    import catfast

    run = run_catfast("--version")
    assert (run.code, run.out.strip()) == (0, f"catfast, version {catfast.__version__}")


@pytest.mark.parametrize("group", [(), ("catalog",), ("store",)])
def test_a_group_alone_shows_its_help_as_it_is(group):
    done, asked = run_catfast(*group), run_catfast(*group, "--help")
    assert (done.code, done.out + done.err) == (2, asked.out)


def test_an_unknown_command_is_a_usage_error():
    run = run_catfast("maks")
    assert (run.code, len(run.err.strip().splitlines())) == (2, 1)


def test_public_names_are_there():
    import catfast

    assert all(hasattr(catfast, name) for name in catfast.__all__)
    with pytest.raises(AttributeError):
        _ = catfast.nothing
