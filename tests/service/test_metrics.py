"""Metrics of a genred: what they say, under which names, and who can read them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from genred.fs.locks import locked
from genred.history.history import History
from genred.history.log import reading
from genred.history.records import Outcome, Record
from genred.service.metrics import exposition
from genred.service.status import Board, lock_of
from tests.command import Genred
from tests.service.test_status import FULL

ROOT = Path(__file__).resolve().parents[2]

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian package prometheus)")


def samples(text: bytes) -> dict[str, float]:
    """Each metric with its labels, as Prometheus names it; those of processes are left out."""
    families = text_string_to_metric_families(text.decode())
    found = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
        found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return {name: value for name, value in found.items() if not name.startswith("genred_process_")}


@pytest.fixture
def filled(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """A history with three decisions, which commands read too."""
    monkeypatch.setenv("GENRED_HISTORY_URL", f"sqlite:///{history.path}")
    for path, outcome, genre in (
        ("/a", Outcome.TAGGED, "Rock"),
        ("/b", Outcome.TAGGED, "Jazz"),
        ("/c", "failed", None),
    ):
        written = (genre,) if genre else ()
        history.record(Record(Path(path), Outcome(outcome), "so", genre=genre, model="m", written=written))
    return history


def test_names_and_values_are_those_of_the_document(filled: History) -> None:
    """What a dashboard or an alert relies on stays as it is."""
    with reading(filled.path) as log:
        found = samples(exposition(True, replace(FULL, alive="2026-11-22T08:17:30.000Z"), log))
        newest = found.pop("genred_last_decision_time_seconds")
        size, free = found.pop("genred_history_bytes"), found.pop("genred_history_free_bytes")
    assert newest > 1.7e9
    assert size > 4096
    assert free > 0
    states = {"starting", "watching", "reloading", "scanning", "deciding anew", "hearing again", "waiting", "stopping"}
    roots = {"starting", "watched", "limited", "offline", "scanned"}
    assert found == {
        "genred_up": 1,
        "genred_info{command=run,model=builtin-1,version=1.2}": 1,
        "genred_start_time_seconds": 1795334400,
        "genred_status_change_time_seconds": 1795335438,
        "genred_alive_time_seconds": 1795335450,
        **{f"genred_state{{state={state}}}": state == "watching" for state in states},
        **{f"genred_root_state{{path=/music,state={state}}}": state == "watched" for state in roots},
        **{f"genred_root_state{{path=/nas,state={state}}}": state == "offline" for state in roots},
        "genred_queued_files": 3,
        "genred_known_files": 12345,
        "genred_unread_files": 2345,
        "genred_configuration_mistakes": 1,
        **{f"genred_decisions_total{{outcome={outcome}}}": 0 for outcome in Outcome},
        "genred_decisions_total{outcome=tagged}": 2,
        "genred_decisions_total{outcome=failed}": 1,
        "genred_files{by=you}": 0,
        "genred_files{by=genred}": 0,
        "genred_undo_records": 0,
    }
    documented = (ROOT / "docs" / "service.md").read_text()
    for name in (*found, "genred_history_bytes", "genred_history_free_bytes", "genred_last_decision_time_seconds"):
        assert f"`{name.partition('{')[0]}`" in documented, name


def test_the_process_at_work_is_measured(genred: Genred, filled: History) -> None:
    """Its memory and its processor time; a process of somebody else's that happens to have a number of old isn't."""
    with locked(lock_of(filled.path)) as fd, Board(fd, "run"):
        at_work = genred("status", "--prometheus", "-").out
    assert "genred_process_resident_memory_bytes " in at_work
    assert "genred_process_cpu_seconds_total " in at_work
    assert "genred_process" not in genred("status", "--prometheus", "-").out


def test_where_none_is_at_work_that_is_told(genred: Genred, home: Path, tmp_path: Path) -> None:
    """With the exit code of `genred status`, and in a file that everybody can read and that is there as a whole."""
    file = tmp_path / "genred.prom"
    ran = genred("status", "--prometheus", str(file))
    assert (ran.code, ran.out) == (0, "")
    assert samples(file.read_bytes()) == {"genred_up": 0}
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told(genred: Genred, tmp_path: Path) -> None:
    """It isn't made: it is node_exporter's."""
    ran = genred("status", "--prometheus", str(tmp_path / "none" / "genred.prom"))
    assert ran.code == 1
    assert "genred.prom: the metrics can't be written there (No such file or directory)" in ran.err
    assert genred("status", "--json", "--prometheus", "-").code == 2


def test_a_database_that_cannot_be_read_leaves_the_file(genred: Genred, filled: History, tmp_path: Path) -> None:
    """The age of the file shows that something is wrong, whatever it is."""
    file = tmp_path / "genred.prom"
    file.write_text("old")
    path = filled.path
    filled.close()
    path.write_bytes(b"no database at all, but long enough to look like one" * 20)
    assert genred("status", "--prometheus", str(file)).code == 10
    assert file.read_text() == "old"


@promtool
def test_promtool_has_nothing_to_say(filled: History) -> None:
    """Of any folder's name, either."""
    odd = replace(FULL, roots=[replace(FULL.roots[0], path='/mu"s\\ic\\n{}')])
    with reading(filled.path) as log:
        text = exposition(True, odd, log)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@promtool
def test_the_alerts_of_the_document_are_rules(tmp_path: Path) -> None:
    """promtool takes them as they stand."""
    document = (ROOT / "docs" / "service.md").read_text()
    rules = tmp_path / "genred.rules.yml"
    rules.write_text(document.partition("```yaml\n")[2].partition("```")[0])
    done = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout
