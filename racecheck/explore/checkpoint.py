"""A search on disk: what it needs to go on after it was killed at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define

from racecheck.errors import UsageError

NAME = "search.npz"
VERSION = 2
OFTEN = 10.0
"""Seconds between two checkpoints, at least."""
SHARE = 10
"""How many times as long as writing the last one took the search goes on before the next."""


@define
class Checkpoint:
    """A folder with the state of one search, replaced as a whole: a reader sees the last or the next.

    Costs on disk what the states and their parents take in memory, twice while it is written.
    """

    folder: Path
    _due: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._due = time.monotonic() + OFTEN

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._due

    def save(self, told: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Write arrays, and what JSON can tell; if that fails, UsageError: the old file still stands."""
        start = time.monotonic()
        half = self.path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with half.open("wb") as file:
                np.savez(file, told=np.array(json.dumps({"version": VERSION, **told})), **arrays)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self.path)
        except OSError as error:
            half.unlink(missing_ok=True)
            why = error.strerror or str(error)
            raise UsageError(
                f"--checkpoint {self.folder}: {why}; free some space, or choose another folder"
            ) from None
        self._due = time.monotonic() + max(OFTEN, SHARE * (time.monotonic() - start))

    def load(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """What was saved, or None if nothing was; UsageError for a file that is damaged."""
        if not self.path.exists():
            return None
        try:
            with self.path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            told = json.loads(str(arrays.pop("told")))
            if told["version"] != VERSION:
                raise ValueError(f"of version {told['version']}, not {VERSION}")
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise self.refused(f"damaged ({error})") from None
        return told, arrays

    def refused(self, why: str) -> UsageError:
        """The error for a file that can't be used."""
        return UsageError(f"checkpoint {self.path} is {why}; delete it to begin anew")


def digest(*sources: str) -> str:
    """What tells one program and layout from another: a hash of the code that was generated for it."""
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()
