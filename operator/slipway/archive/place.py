"""Where exported records are kept: a directory, or a URL that fsspec knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def reached(target: str) -> Iterator[tuple[Any, str]]:
    """Its file system, and the path in it. Raises OSError, ImportError and ValueError, in the block too."""
    # The operator, which is the same program, starts without it.
    import fsspec

    try:
        yield fsspec.core.url_to_fs(target)
    except (OSError, ImportError, ValueError):
        raise
    except Exception as error:
        # Each kind of storage has errors of its own, such as that there are no credentials.
        raise OSError(str(error) or type(error).__name__) from error


def protocols(filesystem: Any) -> tuple[str, ...]:
    """By which URLs begin that name a file system of this kind."""
    named = filesystem.protocol
    return (named,) if isinstance(named, str) else tuple(named)
