"""Known weaknesses of crates and packages: ``python -m tests.audit`` (``make audit``).

Ends in a sentence on each list, also where it could not be reached, and with 1 where a weakness is known.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def crates() -> tuple[bool, str]:
    """Whether a weakness of a crate is known, and what to say, by cargo-deny and the RustSec database."""
    if shutil.which("cargo-deny") is None:
        return (
            False,
            "crate advisories: not looked at, cargo-deny is not there (cargo install --locked cargo-deny)",
        )
    run = subprocess.run(
        ["cargo", "deny", "check", "advisories"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "failed to fetch advisory database" in run.stderr:
        return False, "crate advisories: not looked at, the RustSec database cannot be reached from here"
    if run.returncode:
        return True, f"{run.stderr}crate advisories: see above"
    return False, "crate advisories: none"


def packages() -> tuple[bool, str]:
    """Whether a weakness of a pinned package is known, and what to say, by pip-audit and PyPI."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.json"
        words = [
            "--requirement",
            "constraints.txt",
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
        ]
        run = subprocess.run(
            [sys.executable, "-m", "pip_audit", *words, "--format", "json", "--output", str(report)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            return False, f"package advisories: not looked at: {run.stderr.strip().splitlines()[-1:]}"
        return told(json.loads(report.read_text())["dependencies"])


def told(found: list[dict[str, object]]) -> tuple[bool, str]:
    """Whether one of these packages has a known weakness, and what to say."""
    looked_up = [package for package in found if "skip_reason" not in package]
    weak = [package for package in looked_up if package["vulns"]]
    said = f"{len(looked_up)} of {len(found)} packages looked up, {len(weak)} with a known weakness"
    if not looked_up:
        said = f"not looked at, PyPI's list for the {len(found)} packages cannot be reached from here"
    lines = [f"{package['name']} {package['version']}: {_names(package)}\n" for package in weak]
    return bool(weak), "".join(lines) + f"package advisories: {said}"


def _names(package: dict[str, object]) -> str:
    vulnerabilities = package["vulns"]
    assert isinstance(vulnerabilities, list)
    return ", ".join(str(each["id"]) for each in vulnerabilities)


def main() -> None:
    answers = [crates(), packages()]
    for _, sentence in answers:
        print(sentence)
    sys.exit(any(weak for weak, _ in answers))


if __name__ == "__main__":
    main()
