"""A short form of the fault suite; `GENRED_FAULTS=1000 pytest tests/faults` runs the long one.

The benches themselves, `kills` and `full_disk`, fork and mount, which a test runner must not: they have processes of
their own.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

LONG = int(os.environ.get("GENRED_FAULTS", "0"))


def counts(bench: str, *arguments: str, prefix: tuple[str, ...] = ()) -> dict[str, int]:
    """What a bench counted."""
    command = [*prefix, sys.executable, "-m", f"tests.faults.{bench}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    print(ended.stdout)
    found: dict[str, int] = json.loads(ended.stdout)
    return found


def assert_unharmed(found: dict[str, int]) -> None:
    assert [found[bad] for bad in ("damaged", "lost undo", "unresolved", "temporaries left")] == [0, 0, 0, 0]


@pytest.mark.timeout(3600)
def test_kills_at_random_moments_do_no_harm() -> None:
    """Killed at any moment, a save leaves the old file or the new one, whole, and the way back."""
    found = counts("kills", "--kills", str(LONG or 44), "--seconds", "3" if LONG else "0.2")
    assert_unharmed(found)
    assert found["killed"] + found["was done"] == (LONG or 44)
    assert found["killed"] >= 10


@pytest.mark.skipif(not LONG, reason="GENRED_FAULTS isn't set")
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("stepping", ["--every-call", "--every-error"])
def test_faults_at_every_system_call_do_no_harm(stepping: str) -> None:
    """Killed at each system call, or refused by the kernel at each that writes, a save does no harm either."""
    found = counts("kills", stepping, "--seconds", "0.2", "mp3", "flac", "m4a", "ogg", "wav")
    assert_unharmed(found)


def namespace(*flags: str) -> tuple[str, ...]:
    if shutil.which("unshare") is None or subprocess.run(["unshare", *flags, "true"], capture_output=True).returncode:
        pytest.skip("needs mount namespaces")
    return ("unshare", *flags)


def test_a_full_disk_does_no_harm() -> None:
    """With less and less space free a save is refused, to be tried again, and the file is as it was."""
    found = counts("full_disk", prefix=namespace("--map-root-user", "--mount"))
    assert set(found) == {"refused", "saved"}


@pytest.mark.skipif(not LONG, reason="GENRED_FAULTS isn't set")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_full_copy_on_write_file_system_does_no_harm(kind: str) -> None:
    """Nor where even overwriting takes space."""
    if os.geteuid() != 0 or shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"needs root and mkfs.{kind}")
    found = counts("full_disk", kind, prefix=namespace("--mount"))
    assert set(found) <= {"refused", "saved"}
