"""``python -m heliconemagic``."""

from __future__ import annotations

import sys

from heliconemagic.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
