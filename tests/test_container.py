"""The files of packaging/container, judged without podman; packaging/container/check builds the image and tries it."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from genred import __version__, config
from tests.recipes import REPOSITORY
from tests.service.test_units import SYSTEM, settings

FOLDER = REPOSITORY / "packaging/container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text().replace("\\\n", " ")
QUADLET, USER_QUADLET = FOLDER / "genred.container", FOLDER / "user/genred.container"
STATE, CACHE = "/var/lib/genred", "/var/cache/genred"

quadlets = pytest.mark.parametrize("quadlet", [QUADLET, USER_QUADLET], ids=["system", "user"])


def instructions(name: str) -> list[str]:
    """Return what follows an instruction of the Containerfile, wherever it stands."""
    return [line.partition(" ")[2].strip() for line in CONTAINERFILE.splitlines() if line.startswith(f"{name} ")]


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment in the container."""
    return dict(word.split("=", 1) for line in instructions("ENV") for word in shlex.split(line))


def composed() -> dict[str, dict[str, Any]]:
    """Return the services of the compose file."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    return services


def test_the_image_is_of_this_genred() -> None:
    """Its label says the version, and all that it is built from is there."""
    assert f'org.opencontainers.image.version="{__version__}"' in CONTAINERFILE
    for line in instructions("COPY"):
        if not line.startswith("--from"):
            *sources, _ = line.split()
            assert [name for name in sources if not (REPOSITORY / name).exists()] == []


def test_the_image_is_built_from_all_that_genred_is() -> None:
    """Where a file of genred's is a link to another place of the repository, that place is copied too."""
    copied = [REPOSITORY / name for line in instructions("COPY") for name in line.split()[:-1]]
    links = [path for path in (REPOSITORY / "genred").rglob("*") if path.is_symlink()]
    assert links
    leads = [path.resolve().relative_to(REPOSITORY) for path in links]
    assert [
        str(there) for there in leads if not {REPOSITORY / there, *(REPOSITORY / there).parents} & set(copied)
    ] == []


def test_the_image_is_not_roots() -> None:
    """A container can be told to be somebody else, by number."""
    assert instructions("USER") == ["1000:1000"]
    assert composed()["genred"]["user"] == "${GENRED_USER:-1000:1000}"
    assert settings(QUADLET)["User"] + settings(QUADLET)["Group"] == ["1000", "1000"]
    assert settings(USER_QUADLET)["UserNS"] == ["keep-id:uid=1000,gid=1000"]


def test_the_image_keeps_things_where_genred_looks_for_them(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """History and cache in the volumes, the configuration in /etc/genred, the music in /music."""
    for name, value in variables.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    assert str(config.load(None).database.parent) == STATE
    assert str(config.cache_dir()) == CACHE
    assert str(config.place()) == "/etc/genred/config.toml"
    assert config.load(None).watch.directories == (Path("/music"),)
    assert instructions("VOLUME") == [f'["{STATE}", "{CACHE}"]']


@quadlets
def test_a_quadlet_mounts_what_the_image_keeps(quadlet: Path) -> None:
    """The library, the history and the cache; nothing else can be written."""
    given = settings(quadlet)
    assert [volume.split(":")[1] for volume in given["Volume"]] == ["/music", STATE, CACHE]
    locked = [given[name] for name in ("ReadOnly", "DropCapability", "NoNewPrivileges", "Network")]
    assert locked == [["true"], ["all"], ["true"], ["none"]]


def test_compose_locks_what_the_quadlets_lock() -> None:
    """All services; only the pages and hooks have a network, and a hook writes nothing but its notes."""
    services = composed()
    for name, service in services.items():
        kept = [f"state:{STATE}:ro", "hooks:/var/lib/genred-hooks"] if name == "hook" else None
        assert service["volumes"] == kept or [volume.split(":")[-1] for volume in service["volumes"][1:3]] == [
            STATE,
            CACHE,
        ]
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert services["genred"]["network_mode"] == "none"
    known = {"GENRED_WEB_HOST", "GENRED_WEB_PASSWORD_FILE"}
    assert set(services["web"]["environment"]) == known
    _, mistakes = config.check(None, {name: str(services["web"]["environment"][name]) for name in known})
    assert mistakes == []


def test_the_image_has_what_the_hooks_over_http_need() -> None:
    """The programs that the documents say; compose passes on all of their settings."""
    [installed] = [line for line in instructions("RUN") if "tini" in line]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| (.*?) \|", (REPOSITORY / "docs/hooks.md").read_text(), re.MULTILINE)
    hooks = [name for name, needs in rows if set(re.findall(r"`(\w+)`", needs)) <= set(installed.split())]
    said = (REPOSITORY / "docs/container.md").read_text().split("## Hooks")[1].split("\n## ")[0]
    assert [name for name in hooks if f"`{name}`" not in said] == []
    assert hooks == ["navidrome", "jellyfin", "plex", "kodi", "webhook", "ntfy"]
    scripts = [(REPOSITORY / f"genred/data/hooks/{name}.sh").read_text() for name in hooks]
    wanted = {name for text in scripts for name in re.findall(r"^#   (HOOK.*?)  ", text, re.MULTILINE)}
    assert {name for names in wanted for name in names.split(", ")} == set(composed()["hook"]["environment"])


def test_health_is_asked_the_same_way_everywhere() -> None:
    """By one command, as often, with as much patience."""
    [health] = instructions("HEALTHCHECK")
    times = {name: re.search(rf"--{name}=(\w+)", health) for name in ("interval", "timeout", "start-period", "retries")}
    asked = [found[1] for found in times.values() if found]
    assert re.findall(r"CMD \[(.*)\]", health) == ['"genred", "status", "--check"']
    mine = composed()["genred"]["healthcheck"]
    assert mine["test"] == ["CMD", "genred", "status", "--check"]
    assert [str(mine[name]) for name in ("interval", "timeout", "start_period", "retries")] == asked
    for quadlet in (QUADLET, USER_QUADLET):
        given = settings(quadlet)
        assert given["HealthCmd"] == ["genred status --check"]
        names = ("HealthInterval", "HealthTimeout", "HealthStartPeriod", "HealthRetries")
        assert [given[name][0] for name in names] == asked


@quadlets
def test_a_quadlet_restarts_and_stops_as_the_unit_does(quadlet: Path) -> None:
    """The same exit codes prevent a restart, and a file in hand has the same time."""
    unit, given = settings(SYSTEM), settings(quadlet)
    for name in ("RestartPreventExitStatus", "Restart", "RestartSec", "TimeoutStartSec", "StartLimitBurst", "Nice"):
        assert given[name] == unit[name], name
    assert [f"{given['StopTimeout'][0]}s"] == unit["TimeoutStopSec"]
    assert composed()["genred"]["stop_grace_period"] == unit["TimeoutStopSec"][0]
