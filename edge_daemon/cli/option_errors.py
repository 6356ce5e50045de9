"""Errors about keys of the configuration, where an option of the command line stands for the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from edge_daemon.errors import ConfigValueError, UsageError, sentence


@contextmanager
def blaming_options(options: Mapping[str, str]) -> Iterator[None]:
    """Errors inside are told about the option that was given instead of the key.

    Args:
        options: by key, as {"detection.hop_s": "--hop"}; errors about other keys are left as they are.

    Raises:
        UsageError: in place of a ConfigValueError about one of these keys.
    """
    try:
        yield
    except ConfigValueError as error:
        if error.key not in options:
            raise
        raise UsageError(sentence(options[error.key], error.predicate), error.hint) from None
