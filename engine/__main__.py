"""`python -m engine`: the command line over `engine.api`; the commands are in `engine.cli`."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
