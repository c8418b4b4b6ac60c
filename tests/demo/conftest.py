"""The demonstration is told through the command line."""

from tests.cli.conftest import cli

__all__ = ["cli"]
