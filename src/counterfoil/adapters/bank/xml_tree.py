"""XML as a small tree with line numbers. No document types and no entities of one's own: nothing that a file could blow up."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from counterfoil.flows.bank_port import unreadable

MAX_DEPTH = 60


class Node:
    """An element: its name without namespace, attributes, text, children, and the line where it begins."""

    __slots__ = ("attributes", "children", "line", "name", "namespace", "text")

    def __init__(self, name: str, namespace: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.namespace = namespace
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[Node] = []

    def first(self, path: str) -> Node | None:
        """The first element at a path of names with slashes."""
        return next(self.all(path), None)

    def all(self, path: str) -> Iterator[Node]:
        """Every element at a path, in the order of the file."""
        head, _slash, rest = path.partition("/")
        for child in self.children:
            if child.name == head:
                if rest:
                    yield from child.all(rest)
                else:
                    yield child

    def said(self, *paths: str) -> str:
        """The text at the first of these paths that has any."""
        for path in paths:
            for node in self.all(path):
                if node.text.strip():
                    return node.text.strip()
        return ""


def read_xml(data: bytes) -> Node:
    """The tree of an XML file; its root element."""
    parser = expat.ParserCreate(namespace_separator=" ")
    root = Node("", "", {}, 0)
    open_nodes = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_nodes) > MAX_DEPTH:
            raise unreadable(parser.CurrentLineNumber, "is nested too deeply")
        namespace, _gap, local = name.rpartition(" ")
        node = Node(local, namespace, attributes, parser.CurrentLineNumber)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(_name: str) -> None:
        open_nodes.pop()

    def words(text: str) -> None:
        open_nodes[-1].text += text

    def refuse(*_what: object) -> None:
        raise unreadable(parser.CurrentLineNumber, "a document type or entity is not taken")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = words
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise unreadable(error.lineno, f"is not XML: {expat.ErrorString(error.code)}") from None
    return root.children[0]
