"""Bytes into lines, whatever comes."""

from __future__ import annotations


class LineSplitter:
    """Gathers lines of bounded length; what is longer is passed over up to its end.

    Args:
        longest: bytes of a line, without its end.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = b""
        self._too_long = False
        self.passed_over = 0

    def lines(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends; empty ones are left out."""
        *whole, begun = (self._begun + data).split(b"\n")
        if whole and self._too_long:
            del whole[0]
            self._too_long = False
        fitting = [line.rstrip(b"\r") for line in whole if len(line) <= self._longest]
        self.passed_over += len(whole) - len(fitting)
        if len(begun) > self._longest:
            self.passed_over += not self._too_long
            self._too_long, begun = True, b""
        elif self._too_long:
            begun = b""
        self._begun = begun
        return [line for line in fitting if line]
