"""`python -m spinefx` is `spinefx`, where scripts are not on the path."""

from spinefx.cli import main

raise SystemExit(main())
