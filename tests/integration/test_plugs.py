"""Where catfast plugs in: rasterio's rio, the shell's completion, a notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner
from click_plugins import with_plugins

from catfast.cli import COMMANDS
from tests.conftest import run_catfast

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "mask_a_scene.ipynb"


@pytest.fixture
def rio():
    """Rasterio's own ``rio`` with the plug-in that pyproject.toml declares."""
    from rasterio.rio.main import main_group

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["rasterio.rio_plugins"]
    kind = "rasterio.rio_plugins"
    before = dict(main_group.commands)
    group = with_plugins([EntryPoint(name, value, kind) for name, value in points.items()])(main_group)
    yield lambda *arguments: CliRunner().invoke(group, list(map(str, arguments)), prog_name="rio")
    main_group.commands = before


def test_rio_lists_catfast_and_its_commands(rio):
    assert "catfast" in rio("--help").output
    listed = rio("catfast", "--help").output
    assert all(name in listed for name in COMMANDS)
    assert rio("catfast", "mask", "--help").output.startswith("Usage: rio catfast mask ")


def test_rio_itself_finds_the_entry_point(tmp_path):
    """A metadata folder as pip writes it: the installed one may be older than the tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "catfast-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: catfast\nVersion: 0\n")
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["rasterio.rio_plugins"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[rasterio.rio_plugins]", *lines]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "python")])}

    def rio(*arguments):
        code = "from rasterio.rio.main import main_group; main_group(prog_name='rio')"
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert re.search(r"(?m)^  catfast +Cloud masks", rio("--help").stdout)
    assert rio("catfast", "mask", "--help").stdout.startswith("Usage: rio catfast mask ")
    failed = rio("catfast", "mask", "absent.tif")
    assert (failed.returncode, len(failed.stderr.splitlines())) == (3, 1)


def test_rio_writes_the_mask_that_catfast_writes(rio, scene, known_model, tmp_path):
    done = rio("catfast", "mask", scene, "-o", tmp_path / "rio.tif", "--model", known_model, "-q")
    assert (done.exit_code, done.exception) == (0, None), done.output
    run_catfast("mask", scene, "-o", tmp_path / "own.tif", "--model", known_model, "-q")
    assert (tmp_path / "rio.tif").read_bytes() == (tmp_path / "own.tif").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("mask", "absent.tif"), 3, "catfast: absent.tif: "),
        (("mask", "a.tif", "--gsd", "-1"), 2, "catfast: --gsd must be"),
        (("mask",), 2, "Missing argument"),
        (("maks",), 2, "No such command"),
    ],
)
def test_errors_under_rio_are_sentences_with_catfasts_exit_codes(rio, arguments, code, sentence):
    done = rio("catfast", *arguments)
    assert (done.exit_code, type(done.exception)) == (code, SystemExit)
    assert sentence in done.stderr
    assert "Traceback" not in done.output


def test_one_failure_of_two_is_1_under_rio(rio, scene, known_model, tmp_path):
    (tmp_path / "bad.tif").write_bytes(scene.read_bytes()[:2000])
    out = tmp_path / "out"
    done = rio("catfast", "mask", scene, tmp_path / "bad.tif", "--out-dir", out, "--model", known_model, "-q")
    assert done.exit_code == 1
    assert (out / f"{scene.stem}_mask.tif").is_file()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell):
    done = run_catfast(_CATFAST_COMPLETE=f"{shell}_source")
    assert done.code == 0, done.err
    assert "_CATFAST_COMPLETE=" in done.out
    assert "catfast" in done.out


@pytest.mark.parametrize(
    ("words", "expected"), [("catfast ma", {"mask"}), ("catfast mask --min", {"--min-area"})]
)
def test_words_are_completed(words, expected):
    last = str(len(words.split()) - 1)
    done = run_catfast(_CATFAST_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=last)
    assert {line.partition(",")[2] for line in done.out.split()} == expected


@pytest.fixture
def in_shell(tmp_path):
    """Runs a script in a fresh shell that finds catfast; gives the lines it printed."""
    program = tmp_path / "catfast"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from catfast.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment["PYTHONPATH"] = str(ROOT / "python")

    def run(shell, *options, script):
        if shutil.which(shell) is None:
            pytest.skip(f"no {shell} here")
        command = [shell, *options, "-c", script]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=300, check=False
        )
        assert not done.stderr, done.stderr
        return done.stdout.splitlines()

    return run


def test_bash_itself_completes(in_shell):
    """A fresh bash takes the script that the README names, and fills in options and their values."""
    script = """
        eval "$(_CATFAST_COMPLETE=bash_source catfast)"
        complete -p catfast
        for words in 'mask --qu' 'mask --preset lib' 'comp'; do
            COMP_WORDS=(catfast $words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
            _catfast_completion catfast
            echo "${COMPREPLY[@]}"
        done
    """
    lines = in_shell("bash", "--norc", "--noprofile", script=script)
    assert lines[1:] == ["--quicklook --quiet", "liberal", "compare"]
    assert "_catfast_completion catfast" in lines[0]


def test_zsh_itself_completes(in_shell):
    """As above; the words that zsh would list are caught where its completion system takes them."""
    script = """
        autoload -Uz compinit && compinit -u -D
        eval "$(_CATFAST_COMPLETE=zsh_source catfast)"
        print -- $_comps[catfast]
        _describe() { local -a found=(${(P)3}); print -- ${found%%:*} }
        compadd() { local -a found=(${(P)@[-1]}); print -- $found }
        for line in 'catfast mask --qu' 'catfast mask --preset lib' 'catfast comp'; do
            words=(${=line}); CURRENT=$#words
            _catfast_completion
        done
    """
    lines = in_shell("zsh", "--no-rcs", script=script)
    assert lines == ["_catfast_completion", "--quicklook --quiet", "liberal", "compare"]


def test_fish_itself_completes(in_shell):
    """As above, by the command with which fish tells its completions."""
    script = """
        _CATFAST_COMPLETE=fish_source catfast | source
        for line in 'catfast mask --qu' 'catfast mask --preset lib' 'catfast comp'
            complete -C $line | string replace -r '\\t.*' '' | string join ' '
        end
    """
    lines = in_shell("fish", "--no-config", script=script)
    assert lines == ["--quicklook --quiet", "liberal", "compare"]


def test_the_notebook_runs_and_is_committed_without_outputs(tmp_path):
    notebook = json.loads(NOTEBOOK.read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)
    code = "\n".join("".join(cell["source"]) for cell in cells)
    code += "\nassert same and picture.size[0] > 0\nprint(result.output.resolve())\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with rasterio.open(done.stdout.splitlines()[-1]) as mask:
        assert mask.tags()["CATFAST_SIMULATED"]
