"""`python tests/faults kills|disk|many`: the faults of docs/standing.md, at full size."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import faults_disk
import faults_kills
import faults_many


def main() -> None:
    """Runs one kind of fault and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kills = kinds.add_parser("kills", help="SIGKILL at random moments in parent, worker and group")
    kills.add_argument("--count", type=int, default=500)
    kills.add_argument("--seed", type=int, default=0)
    disk = kinds.add_parser("disk", help="each of the first writes of a run fails once with ENOSPC")
    disk.add_argument("--count", type=int, default=200)
    many = kinds.add_parser("many", help="what very many cases cost: a first run and one that finds all done")
    many.add_argument("cases", type=int, nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.kind == "kills":
            print(faults_kills.storm(Path(folder), options.count, seed=options.seed))
        elif options.kind == "disk":
            print(faults_disk.flood(Path(folder), options.count, patients=5, executor="serial"))
        else:
            print(faults_many.HEAD)
            for cases in options.cases:
                print(faults_many.cost(Path(folder) / str(cases), cases), flush=True)


if __name__ == "__main__":
    main()
