r"""The accurate model: networks of several runs of the recipe side by side, the mean of their logits.

    python -m recipes.blend --chips DATA --work WORK --out OUT \
        --member 0.5 work/model "" 0 --member 0.5 work/again -1 0.3

A member is its share, the work folder of its run, which of its rounds is meant ("" is the last, "-1" the
second), and what is added to its logit of cloud: the recipe itself adds that after the last round alone.
The first member's run is the one that the card describes.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import nn

from catfast.models import load, save
from catfast.models.mean import MeanOfNetworks
from recipes.default_model import RECORD, add_cloud_bias, crossval, records, ship
from recipes.settings import Settings

__all__ = ["Member", "blend", "main"]

_NOTE = """
4. {count} such networks work side by side, and the mean of their logits counts: {share:g} of the one above,
   {others}. Put together by `python -m recipes.blend`;
   which rounds, and the shares, were chosen while looking at the folds below, which flatters it.
"""
_OTHER = """{share:g} of one made from the start at commit {commit}, {steps:,} steps in all,
   with {bias:g} added to its logit of cloud"""


class Member(NamedTuple):
    """One network of the mean."""

    share: float
    """Of the logits."""
    work: Path
    """Folder of its run."""
    suffix: str
    """Of its folders ``fold0``, ``final``, ...: a round, or nothing for the last."""
    cloud_bias: float
    """Added to the logit of cloud."""

    def network(self, name: str) -> nn.Module:
        """Its network for a fold, or for all chips."""
        found = load(self.work / f"{name}{self.suffix}")
        add_cloud_bias(found, self.cloud_bias)
        return found


def blend(settings: Settings, members: list[Member], work: Path) -> Settings:
    """Write the mean of the members for each fold and for all chips where the recipe looks for its own.

    Returns:
        The settings for crossval and ship of :mod:`recipes.default_model`.
    """
    shares = [member.share for member in members]
    for part in records(settings):
        shutil.copytree(members[0].work / part, work / part, dirs_exist_ok=True)
    mean = {"type": "mean", "members": [settings.architecture] * len(members), "shares": shares}
    settings = replace(settings, name="accurate", architecture=mean, note=_note(members))
    for name in (*(f"fold{number}" for number in range(settings.folds)), "final"):
        module = MeanOfNetworks([member.network(name) for member in members], shares)
        save(module, settings.config(), work / name)
    return settings


def _note(members: list[Member]) -> str:
    first, *others = members
    return _NOTE.format(count=len(members), share=first.share, others=", ".join(map(_told, others)))


def _told(member: Member) -> str:
    parts = records(Settings())
    if member.suffix:
        parts = parts[: parts.index(f"final{member.suffix}") + 1]
    runs = [json.loads((member.work / part / RECORD).read_text(encoding="utf-8")) for part in parts]
    steps, commit = sum(run["steps"] for run in runs), runs[-1]["commit"]
    return _OTHER.format(share=member.share, steps=steps, commit=commit, bias=member.cloud_bias)


def main(argv: list[str] | None = None) -> None:
    """Blend, cross-validate and ship."""
    parser = argparse.ArgumentParser(prog="python -m recipes.blend", description=__doc__)
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--work", type=Path, required=True, help="folder for the means and their scores")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    names = ("SHARE", "WORK", "SUFFIX", "BIAS")
    parser.add_argument("--member", nargs=4, action="append", required=True, metavar=names)
    given = parser.parse_args(argv)
    members = [Member(float(share), Path(run), name, float(bias)) for share, run, name, bias in given.member]
    settings = blend(Settings(), members, given.work)
    if (rival := members[0].work / "rival.json").exists():
        shutil.copy(rival, given.work)
    crossval(settings, given.work, given.chips)
    ship(settings, given.work, given.chips, given.out)


if __name__ == "__main__":
    main()
