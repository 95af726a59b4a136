"""Benchmarks of the model, where there is no corpus to measure."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "re_encoding", "package_data"])
def test_a_missing_corpus_is_told(tmp_path: Path, name: str) -> None:
    """Without the corpus nothing is printed as a result, nothing is written, and the exit code is 2."""
    command = [sys.executable, "-m", f"benchmarks.{name}", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert not done.stdout
    assert "no corpus" in done.stderr
