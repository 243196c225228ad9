"""The command line. One file per command; what is heavy is imported inside the command that uses it."""

from __future__ import annotations

from rheobase.cli.app import app, main

__all__ = ["app", "main"]
