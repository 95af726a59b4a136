"""A systemd that isn't there: a systemctl that keeps what it is told in files, and a journal."""

from pathlib import Path

from genred.service import units

_SYSTEMCTL = """\
#!/bin/sh
cd {here}
if [ "$1" = --user ]; then shift; elif [ -e machine ]; then cat machine; exit; fi
[ -e away ] && {{ echo "Failed to connect to bus: No medium found" >&2; exit 1; }}
case $1 in
show)
    [ "$2" = --property=Version ] && exit 0
    for unit in {packaged} {folder}/genred.service; do
        [ -e "$unit" ] || continue
        [ -e running ] && active=active text="watching 1 root" || active=inactive text=
        [ -e failed ] && active=failed
        [ -e enabled ] && enabled=enabled || enabled=disabled
        printf '%s\\n' LoadState=loaded ActiveState=$active UnitFileState=$enabled Result=success NeedDaemonReload=no \\
            User= FragmentPath="$unit" DropInPaths="$(echo {folder}/genred.service.d/*.conf)" \\
            ActiveEnterTimestamp=@1764230400 "StatusText=$text"
        exit 0
    done
    echo LoadState=not-found
    exit 0 ;;
esac
echo "$@" >> calls
case "$1" in
enable) touch enabled ;;
disable) rm -f enabled running ;;
reset-failed) rm -f failed ;;
restart)
    rm -f running
    [ -e broken ] && {{ touch failed; echo "Job for genred.service failed." >&2; exit 1; }}
    touch running ;;
esac
"""


class FakeSystemd:
    """One manager, of which the test says how it is.

    Parameters
    ----------
    here
        A folder for the programs and for what they are told.
    folder
        The folder of units.
    """

    def __init__(self, here: Path, folder: Path) -> None:
        self.here = here
        self.folder = folder
        self.packaged = here / "lib" / units.NAME
        here.mkdir()
        script = _SYSTEMCTL.format(here=here, folder=folder, packaged=self.packaged)
        for name, text in (("systemctl", script), ("journalctl", f"#!/bin/sh\ncat {here}/log 2>/dev/null\n")):
            (here / name).write_text(text)
            (here / name).chmod(0o755)

    def calls(self) -> list[str]:
        """What it was told since it was last asked for that."""
        file = self.here / "calls"
        said = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return said

    def be(self, *states: str) -> None:
        """From now on it is "away", or what it starts is "broken"."""
        for state in states:
            (self.here / state).touch()

    def has_machine(self, *folders: Path) -> None:
        """Beside this person's manager, the machine's has a genred at work in some folders."""
        drop_in = self.here / "machine.conf"
        drop_in.write_text(units.drop_in(folders, ("somebody", "")))
        said = f"LoadState=loaded\nActiveState=active\nFragmentPath=/dev/null\nDropInPaths={drop_in}\n"
        (self.here / "machine").write_text(said)

    def is_(self, state: str) -> bool:
        """Whether the unit is "running", "enabled" or "failed"."""
        return (self.here / state).exists()
