"""The guide tells the truth: its commands exist with their options, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from counterfoil.__main__ import OUTSIDE
from counterfoil.cli.root import command_line, options_first

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
_FENCED = re.compile(r"^```(?:sh|console|bash)?\n(.*?)^```", re.M | re.S)
_COMMAND = re.compile(r"(?:^|[|;&(]\s*)(?:\$ )?(?:\S*/)?(counterfoil (?!/).*?)(?=$|\s[|;&>#]|\))")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands_of(page: Path) -> list[str]:
    found = []
    for block in _FENCED.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            found += _COMMAND.findall(line)
    return found


@pytest.mark.parametrize("page", [p for p in PAGES if commands_of(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_the_guide_exists(page: Path) -> None:
    for text in commands_of(page):
        command: Any = typer.main.get_command(command_line(OUTSIDE))
        words = options_first(shlex.split(text, comments=True)[1:])
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] == "--home" else words[1:]
        while words and getattr(command, "commands", None):
            assert words[0] in command.commands, f"{page.name}: there is no {text!r}"
            command, words = command.commands[words[0]], words[1:]
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
        for word in words:
            if word.startswith("-") and not word[1:2].isdigit():
                assert word.split("=", 1)[0] in options, f"{page.name}: {word} in {text!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
