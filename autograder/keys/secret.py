"""The course's secret, and the keys that follow from it and decide the grade."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from autograder.keys import sources
from sumskip.checking.key import Key, from_bytes, to_bytes

SECRET_FILE = ".course/secret"
KEY_STORE = ".course/keys"


def course_secret(root: Path, *, keep: bool = True) -> bytes:
    """The course's secret, made when it is first asked for: 32 random bytes that only its owner can read.

    Without `keep`, a secret that is made is not written.

    All secret keys follow from it, so losing it changes the numbers that later submissions are judged
    on, but no grade that was given.
    """
    path = root / SECRET_FILE
    if not keep and not path.exists():
        return secrets.token_bytes(32)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(fresh, path)  # fails where another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    secret = path.read_bytes()
    if len(secret) < 16:
        raise ValueError(f"{path} should hold the course's secret, at least 16 bytes; it holds {len(secret)}")
    return secret


def secret_seed(secret: bytes, exercise: str) -> str:
    """The seed of an exercise's secret cases: HMAC-SHA-256 (RFC 2104) of the course's secret."""
    return hmac.new(secret, exercise.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=64)
def secret_key(name: str, secret: bytes, store: Path | None = None) -> Key:
    """The key that decides the grade.

    Args:
        name: the exercise.
        secret: the course's secret.
        store: a folder that only the instructor can read, where keys are kept between runs, since
            making one takes seconds; without it the key is made in memory.
    """
    path = None
    if store is not None:
        made_from = f"{name}/{metadata.version('torch')}/{sources.of_key(name)}"
        stamp = hmac.new(secret, made_from.encode(), hashlib.sha256).hexdigest()[:16]
        path = store / f"{name}-{stamp}.npz"
        if path.exists():
            return from_bytes(path.read_bytes())
    from autograder.keys.making import make_key  # brings PyTorch along, which a key on disk does without

    data = to_bytes(make_key(name, secret_seed(secret, name), secret=True))
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.part")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        fresh.replace(path)
    return from_bytes(data)
