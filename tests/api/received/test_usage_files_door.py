"""The door of uploads: who may not upload is told so before a byte of the file is taken."""

from __future__ import annotations

from typing import Any


def test_a_file_of_nobody_is_refused_before_it_is_read(client: Any) -> None:
    taken = []

    def file() -> Any:
        for _ in range(3):
            taken.append(1)
            yield b"x" * 1024

    answer = client.post("/api/usage/upload", content=file(), headers={"content-type": "text/csv"})
    assert answer.status_code == 401, answer.text
