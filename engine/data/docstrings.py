"""A real text set made from what is installed: which library wrote this docstring?

Sources are parsed, never imported. Names that would give the answer away are taken out, so that style and subject
have to be learned.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = ("numpy", "pandas", "sklearn", "streamlit")
_NAMES = {
    "numpy": r"numpy|np\b|ndarrays?|ufuncs?",
    "pandas": r"pandas|pd\b|dataframes?|series",
    "sklearn": r"sklearn|scikit-learn|scikit",
    "streamlit": r"streamlit|st\.",
}
_GIVEAWAY = re.compile(rf"\b({'|'.join(_NAMES.values())})", re.IGNORECASE)
_VERSIONS = re.compile(r"\.\. (versionadded|versionchanged|deprecated)::.*")
_MIN_CHARS, _MAX_CHARS = 60, 1200
_PER_LIBRARY = 900  # a few thousand texts in all: trains in a minute


def write_docstrings(target: Path) -> int:
    """Write a CSV file of docstrings and the libraries that they come from; returns the number of rows.

    The order and the choice depend on the texts only, so that the same versions give the same file.
    """
    rows: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for library in LIBRARIES:
        found: dict[str, str] = {}
        for text in _docstrings(library):
            key = hashlib.sha256(text.encode()).hexdigest()
            if key not in seen:
                found[key] = text
        seen |= set(found)
        rows += [(key, found[key], library) for key in sorted(found)[:_PER_LIBRARY]]
    rows.sort()
    with open(target, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["docstring", "library"])
        writer.writerows((text, library) for _, text, library in rows)
    return len(rows)


def _docstrings(library: str) -> Iterator[str]:
    """Cleaned docstrings of the public functions and classes of an installed library, none where it is not there."""
    found = importlib.util.find_spec(library)
    for folder in found.submodule_search_locations or () if found else ():
        for path in sorted(Path(folder).rglob("*.py")):
            if "tests" not in path.parts and not path.name.startswith("test_"):
                yield from _docstrings_of(path)


def _docstrings_of(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):  # templates and files for other versions of Python
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            text = _plain(ast.get_docstring(node, clean=False) or "")
            if len(text) >= _MIN_CHARS:
                yield text


def _plain(text: str) -> str:
    """The description without examples, versions and giveaways, on one line, cut at a word."""
    text = re.split(
        r"^\s*(Examples?|See Also|References)\b.*$", inspect.cleandoc(text), maxsplit=1, flags=re.MULTILINE
    )[0]
    text = re.sub(r"\s+", " ", _GIVEAWAY.sub("…", _VERSIONS.sub("", text))).strip()
    return text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS].rsplit(" ", 1)[0]
