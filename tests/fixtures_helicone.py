"""The fixture `fake`: import it in `conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_helicone import FakeHelicone


@pytest.fixture
def fake() -> Iterator[FakeHelicone]:
    """A running fake Helicone, ended with the test."""
    with FakeHelicone() as server:
        yield server
