"""Too little memory: a sentence, and exit code 4, from every command that works on files."""

from __future__ import annotations

from tests.hostile.box import Box
from tests.hostile.case import Made, refused
from tests.hostile.cases import qa, udm2
from tests.hostile.cases.catalogues import catalog, item, pairs
from tests.hostile.cases.stores import patches

LITTLE = 300 << 20
SAYS = r"needs an address space of \d+ MB or more, found a limit of 300 MB"


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_to_mask(box: Box) -> Made:
    return box.mask(box.scene())


@refused(4, "needs an address space", memory=30 << 20)
def memory_too_little_for_python_packages(box: Box) -> Made:
    return box.mask(box.scene())


@refused(4, "needs an address space", memory=24 << 20)
def memory_too_little_for_threads(box: Box) -> Made:
    return box.mask(box.scene())


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_for_labels(box: Box) -> Made:
    return qa.labels(box, qa.write_qa(box))


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_for_patches(box: Box) -> Made:
    return patches(box, box.take("pairs.parquet"))


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_to_compare(box: Box) -> Made:
    return udm2.compare(box, udm2.write_mask(box), udm2.write_udm2(box))


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_to_evaluate(box: Box) -> Made:
    return ["evaluate", "default", box.take("store"), "-o", box.out / "report"]


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_to_train(box: Box) -> Made:
    return ["train", box.take("store"), "-o", box.out / "run"]


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_for_a_catalogue(box: Box) -> Made:
    return catalog(box, box.json("x.json", item()))


@refused(4, SAYS, memory=LITTLE)
def memory_too_little_for_pairs(box: Box) -> Made:
    return pairs(box, box.take("planet.parquet"))
