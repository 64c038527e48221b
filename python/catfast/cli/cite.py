"""``catfast cite``."""

from __future__ import annotations

import click

from catfast import __version__

PAPER = """\
@article{li2026cat,
  title   = {Annotation-free cloud masking for {PlanetScope} images in the {Arctic} via cross-platform
             ability transfer using deep learning and foundation models},
  author  = {Li, Zhili and Xie, Yiqun and Skakun, Sergii and Jia, Xiaowei and Mai, Gengchen and Lu, William
             and Tong, Matthew and Wang, Zhihao},
  journal = {Remote Sensing of Environment},
  volume  = {334},
  pages   = {115138},
  year    = {2026}
}"""
"""The paper whose method catfast implements."""

SOFTWARE = """\
@software{{catfast,
  title   = {{catfast: cloud masks for Arctic PlanetScope by cross-platform ability transfer}},
  author  = {{{{catfast maintainers}}}},
  version = {{{version}}},
  license = {{Apache-2.0}}
}}"""


@click.command("cite")
def command() -> None:
    """Print how to cite catfast and the paper whose method it implements, as BibTeX."""
    click.echo(PAPER)
    click.echo()
    click.echo(SOFTWARE.format(version=__version__))
