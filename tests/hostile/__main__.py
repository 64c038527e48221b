"""``python -m tests.hostile [PATTERN]``: run the catalogue, or the cases of a name, and count."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.hostile import tally
from tests.hostile.attempt import attempt
from tests.hostile.box import Box
from tests.hostile.cases import CASES
from tests.hostile.materials import materials


def main() -> int:
    pattern = "".join(sys.argv[1:])
    with tempfile.TemporaryDirectory() as name, materials(Path(name)) as sound:
        for case in (case for case in CASES if re.search(pattern, case.name)):
            tried = attempt(case, Box(Path(name) / "boxes" / case.name, sound))
            tally.count(case.name, tried)
            print(f"{tried.seconds:6.2f} s  {case.name}", flush=True)
            for fault, reason in tried.faults.items():
                print(f"{case.name}: {fault}: {reason}")
    print(tally.closing_line())
    return int(any(tally.TRIED[fault] for fault in tally.FAULTS))


if __name__ == "__main__":
    sys.exit(main())
