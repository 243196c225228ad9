"""`python -m rheobase` is the command `rheobase`."""

from __future__ import annotations

from rheobase.cli import main

if __name__ == "__main__":
    main()
