"""Serves the fake Helicone with what `production_samples` knows, for `notebooks/production.ipynb`.

python tests/serve_fake_helicone.py        # at http://localhost:8585, until Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import threading

from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from production_samples import seed


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description="A Helicone on this machine, with something that ran in production.")
    parser.add_argument("--port", type=int, default=8585)
    with FakeHelicone(port=parser.parse_args().port) as fake, contextlib.suppress(KeyboardInterrupt):
        seed(fake)
        print(f"serving at {fake.url}; the keys for it (neither is a real one):")
        print(f"  export HELICONE_URL={fake.url.replace('127.0.0.1', 'localhost')}")
        print(f"  export HELICONE_API_KEY={HELICONE_KEY} OPENAI_API_KEY={PROVIDER_KEY}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
