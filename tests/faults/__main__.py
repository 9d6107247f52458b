"""`python tests/faults kills|calls|many`: the faults of docs/running.md, at full size."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import faults_calls
import faults_kills
import faults_many


def main() -> None:
    """Runs one kind of fault and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kills = kinds.add_parser("kills", help="SIGKILL at random moments in parent, worker and group")
    kills.add_argument("--count", type=int, default=500)
    kills.add_argument("--seed", type=int, default=0)
    calls = kinds.add_parser("calls", help="each of the first writes of a run fails once, or kills it there")
    calls.add_argument("--count", type=int, default=200)
    calls.add_argument("--error", default="ENOSPC", help="ENOSPC, EDQUOT, EIO, EROFS ... or KILL")
    calls.add_argument("--everywhere", action="store_true", help="count syncs, renames and new folders beside writes")
    many = kinds.add_parser("many", help="what very many cases cost: a first run and one that finds all done")
    many.add_argument("cases", type=int, nargs="+")
    many.add_argument("--rows", type=int, default=1, help="structures of a case")
    many.add_argument("--measures", type=int, default=1, help="measures of a structure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.kind == "kills":
            print(faults_kills.storm(Path(folder), options.count, seed=options.seed))
        elif options.kind == "calls":
            where = {"everywhere": options.everywhere, "patients": 5, "executor": "serial"}
            print(faults_calls.flood(Path(folder), options.count, options.error, **where))
        else:
            print(faults_many.HEAD)
            for cases in options.cases:
                print(faults_many.cost(Path(folder) / str(cases), cases, options.rows, options.measures), flush=True)


if __name__ == "__main__":
    main()
