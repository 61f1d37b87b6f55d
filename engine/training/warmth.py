"""What a worker keeps between runs: data that were read, cleaned and encoded, so that the next run starts at once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict

import psutil

from engine.specs.data import DataSpec
from engine.training.pipeline import Encoded, encode

# The most that waiting data may take of the machine's memory.
SHARE_OF_MEMORY = 0.1


class EncodedCache:
    """The most recently used encoded data, bounded in bytes.

    Args:
        limit_bytes: what all entries together may take; an entry larger than that is not kept.
    """

    def __init__(self, limit_bytes: float) -> None:
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[str, Encoded] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, data: DataSpec) -> Encoded:
        """The encoded rows of a document's data part, from the cache or made now."""
        key = _key(data)
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        made = _make(data)
        with self._lock:
            if made.nbytes <= self._limit_bytes:
                self._entries[key] = made
            while sum(entry.nbytes for entry in self._entries.values()) > self._limit_bytes:
                self._entries.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def encoded_data(data: DataSpec) -> Encoded:
    """Read, clean and divide a data part and learn its encoder; the newest ones are kept for the next run here."""
    return _CACHE.get(data)


def _make(data: DataSpec) -> Encoded:
    from engine.data.load import load
    from engine.models.encoding import Encoder

    prepared = load(data)
    return encode(prepared, Encoder.fit(prepared))


def _key(data: DataSpec) -> str:
    return hashlib.sha256(
        json.dumps(data.model_dump(mode="json", exclude={"name"}), sort_keys=True).encode()
    ).hexdigest()


_CACHE = EncodedCache(psutil.virtual_memory().total * SHARE_OF_MEMORY)
