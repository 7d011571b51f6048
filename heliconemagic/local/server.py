"""xllamacpp, wrapped: the local model as a server in this process, on a loopback port.

It is asked over HTTP and not by a call, because a call cannot be interrupted. A key that is made
for each server keeps other users of the machine, and pages in a browser, away from it.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from heliconemagic.errors import LocalModelError
from heliconemagic.gateways.presets import DEFAULT_MODELS
from heliconemagic.local.store import LocalStore
from heliconemagic.redaction import Secret

CONTEXT = 4096
"""Tokens that a conversation may have, its answer included."""
ANSWERS_AT_ONCE = 2
"""Further requests wait for one to end."""
ANSWER = 1024
"""Tokens of an answer, unless the request says otherwise: a model this small may begin to repeat itself for ever."""
_MAX_THREADS = 4  # more gain nothing with a model this small
_SILENT = -1


class LocalServer:
    """A running server; `close` ends it."""

    def __init__(self, store: LocalStore) -> None:
        """Loads the model: about half a second, in which no other thread runs.

        Raises:
            LocalModelError: it isn't installed, or doesn't start.
        """
        weights = store.check_weights()
        library = store.import_library()
        self.key = Secret(secrets.token_urlsafe(32))
        try:
            self._server: Any = library.Server(self._build_parameters(library, str(weights)))
            self.url = str(self._server.listening_address)
        except Exception as error:  # a native library: what it raises is written nowhere
            raise LocalModelError(
                "the local model doesn't start.",
                hint="`%helicone_session doctor --gateway local` shows what is there",
                cause=f"{store.model.library.name} {getattr(library, '__version__', '')}: {error}",
            ) from error

    def _build_parameters(self, library: Any, weights: str) -> Any:
        parameters = library.CommonParams()
        parameters.model.path = weights
        parameters.model_alias = {DEFAULT_MODELS["local"]}
        parameters.hostnames = ["127.0.0.1"]
        parameters.port = 0  # a free one
        parameters.api_keys = [self.key.reveal()]
        parameters.cors_origins = ""
        parameters.ui = parameters.endpoint_slots = False
        parameters.verbosity = _SILENT
        # A share for each answer: where they share one context, the longest ends all of them with an error.
        parameters.n_ctx = CONTEXT * ANSWERS_AT_ONCE
        parameters.n_parallel = ANSWERS_AT_ONCE
        parameters.kv_unified = False
        parameters.cache_ram_mib = 0
        parameters.n_gpu_layers = 0
        parameters.n_predict = ANSWER
        # What its makers recommend, and a little against repetition; a request's own values come first.
        parameters.sampling.temp, parameters.sampling.top_p, parameters.sampling.penalty_repeat = 0.2, 0.9, 1.1
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = count_threads()
        return parameters

    def close(self) -> None:
        """Ends it, with whatever it is answering; idempotent."""
        self._server = None


def count_threads() -> int:
    """One core stays free: the threads wait for each other, and come to a crawl if one of them has none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MAX_THREADS, cores - 1))
