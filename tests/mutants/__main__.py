"""python -m tests.mutants"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "staticfiles", "node_modules")
NOTICED = ("BROKEN ", " failed")
"""What a matrix or a test prints that has found something. One that does not even start prints neither."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants with this in their name")
    only = parser.parse_args().only
    chosen = [mutant for mutant in MUTANTS if only in mutant.name]
    with tempfile.TemporaryDirectory(prefix="refunds-mutants-") as directory:
        sane = _sane(Path(directory) / "sane", chosen)
        noticed = [_noticed(Path(directory) / str(n), mutant) for n, mutant in enumerate(chosen)]
    print(f"{sum(noticed)} of {len(chosen)} mutants noticed")
    return 0 if sane and chosen and all(noticed) else 1


def _sane(tree: Path, chosen: list[Mutant]) -> bool:
    """Without any mutant all is well; otherwise what follows would prove nothing."""
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    found = True
    for command in dict.fromkeys(mutant.noticed_by for mutant in chosen):
        run = _run(tree, command)
        if run.returncode != 0:
            found = False
            print(
                f"fails without a mutant: python -m {' '.join(command)}",
                run.stdout[-3000:],
                run.stderr[-3000:],
                sep="\n",
            )
    return found


def _noticed(tree: Path, mutant: Mutant) -> bool:
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    began = time.monotonic()
    if gone := [cut.old for cut in mutant.cuts if not _cut(tree / cut.file, cut.old, cut.new)]:
        print(f"DOES NOT APPLY  {mutant.name}: {gone}", flush=True)
        return False
    run = _run(tree, mutant.noticed_by)
    noticed = run.returncode == 1 and any(word in run.stdout for word in NOTICED)
    said = "noticed " if noticed else "SURVIVED"
    print(f"{said}  {mutant.name}: without “{mutant.without}”  ({time.monotonic() - began:.0f} s)", flush=True)
    if noticed:
        print(*_how(run.stdout), sep="\n")
    else:
        print(run.stdout[-3000:], run.stderr[-3000:], sep="\n", flush=True)
    shutil.rmtree(tree)
    return noticed


def _cut(path: Path, old: str, new: str) -> bool:
    text = path.read_text()
    path.write_text(text.replace(old, new))
    return text.count(old) == 1


def _how(output: str) -> list[str]:
    """The first thing that went wrong, in the words of whoever noticed."""
    lines = output.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(("BROKEN ", "FAILED "))), 0)
    return [f"    {line[:150]}" for line in lines[first : first + 2]]


def _run(tree: Path, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=tree, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
