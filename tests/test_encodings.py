"""Text is read and written in an encoding that is named: the locale's may be any."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(file for folder in ("genred", "benchmarks", "docs") for file in (REPOSITORY / folder).rglob("*.py"))


def unnamed(text: str) -> Iterator[str]:
    """Yield each call that leaves the encoding to the locale, as it stands."""
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        words = {keyword.arg for keyword in call.keywords}
        texts = [arg.value for arg in [*call.args, *(k.value for k in call.keywords)] if isinstance(arg, ast.Constant)]
        if name in ("read_text", "write_text"):
            named = len(call.args) > (name == "write_text")
        elif name in ("open", "fdopen", "TemporaryFile", "NamedTemporaryFile"):
            modes = [word for word in texts if isinstance(word, str) and set(word) <= set("rwxabt+")]
            named = f"{owner}.{name}" in ("os.open", "av.open", "wave.open", "History.open", "webbrowser.open") or any(
                "b" in mode for mode in modes
            )
            named |= "Temporary" in name and not modes  # they are binary unless told
        else:
            named = owner != "subprocess" or not words & {"text", "universal_newlines"}
        if not named and "encoding" not in words:
            yield ast.unparse(call)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_text_has_an_encoding(file: Path) -> None:
    """In the program, its benchmarks, and what builds its documents."""
    assert list(unnamed(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "call",
    [
        "path.read_text()",
        "path.write_text('x')",
        "open(name)",
        "path.open('w')",
        "os.fdopen(fd, 'w')",
        "subprocess.run(command, text=True, capture_output=True)",
        "NamedTemporaryFile('w')",
    ],
)
def test_a_text_without_an_encoding_is_found(call: str) -> None:
    """Each way to leave it out."""
    assert list(unnamed(call)) == [call]
