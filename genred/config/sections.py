"""What can be set: the sections with their keys, types and defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_type_hints

import msgspec
from msgspec import Meta

from genred.config.folders import state_dir
from genred.genres import Vocabulary, beets, built_in

Fraction = Annotated[float, Meta(ge=0, lt=1)]
SCHEDULER = r"(tcp|tls|ws|wss)://\S+:\d+"
"""A pattern of the addresses of Dask's schedulers."""
Count = Annotated[int, Meta(ge=0)]


class Section(msgspec.Struct, frozen=True):
    """One table of the file; its subclasses are the only place that states keys, types and defaults."""


class Watch(Section, frozen=True):
    directories: tuple[Path, ...] = ()
    recursive: bool = True
    settle_seconds: Annotated[float, Meta(ge=0)] = 5.0
    album_seconds: Annotated[float, Meta(ge=0)] = 10.0
    rescan_minutes: Annotated[float, Meta(ge=0)] = 60.0
    polling: Literal["auto"] | bool = "auto"
    extensions: tuple[str, ...] = (
        *("mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "wav", "aif", "aiff", "aifc", "wma"),
        *("wv", "ape", "mpc", "mp+", "tta", "tak", "spx", "dsf", "dff", "ofr"),
    )
    ignore: tuple[str, ...] = ()
    ignore_files: tuple[str, ...] = (".ndignore", ".nomedia", ".ignore")
    backlog: Literal["ignore", "process"] = "ignore"


class Model(Section, frozen=True):
    path: str = ""
    target_precision: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    min_confidence: Fraction = 0.0


class Tags(Section, frozen=True):
    mode: Literal["keep", "merge", "overwrite", "off"] = "keep"
    max_genres: Annotated[int, Meta(ge=1)] = 1
    separator: Annotated[str, Meta(min_length=1)] = "; "
    hardlinks: Literal["skip", "break"] = "skip"
    preserve_mtime: bool = False
    id3_version: Literal["keep", "2.3", "2.4"] = "keep"


class Genres(Section, frozen=True):
    aliases: Mapping[str, str] = {}
    whitelist: tuple[str, ...] = ()
    whitelist_file: str = ""
    spelling: Mapping[str, str] = {}
    no_genre: tuple[str, ...] = ()
    tree: str = ""


class Evidence(Section, frozen=True):
    album: bool = True
    mates: bool = True
    artist: bool = True
    library: bool = True


class History(Section, frozen=True):
    url: Annotated[str, Meta(pattern=r"^$|^sqlite:///.")] = ""
    retention_days: Count = 0


class Service(Section, frozen=True):
    workers: Count = 0
    nice: Annotated[int, Meta(ge=0, le=19)] = 10
    memory_mb: Annotated[int, Meta(ge=512)] = 3072
    timeout_seconds: Annotated[float, Meta(gt=0)] = 60.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Web(Section, frozen=True):
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8420
    password_file: str = ""
    hosts: tuple[str, ...] = ()


class Cluster(Section, frozen=True):
    scheduler: Annotated[str, Meta(pattern=f"^$|^{SCHEDULER}$")] = ""
    paths: Mapping[str, str] = {}


class Config(msgspec.Struct, frozen=True):
    """Everything that can be set; `load` makes one."""

    watch: Watch = Watch()
    model: Model = Model()
    tags: Tags = Tags()
    genres: Genres = Genres()
    evidence: Evidence = Evidence()
    history: History = History()
    service: Service = Service()
    web: Web = Web()
    cluster: Cluster = Cluster()

    @property
    def database(self) -> Path:
        """The file in which the history is kept."""
        if self.history.url:
            return Path(self.history.url.removeprefix("sqlite:///")).expanduser().absolute()
        return state_dir() / "history.db"

    @property
    def vocabulary(self) -> Vocabulary:
        """The user's own words.

        Raises
        ------
        ConfigError
            If a file that the configuration names can't be read.
        """
        mine = self.genres
        tree = beets.tree(Path(mine.tree).expanduser()) if mine.tree else built_in()
        listed = beets.whitelist(Path(mine.whitelist_file).expanduser()) if mine.whitelist_file else ()
        return Vocabulary(mine.aliases, (*mine.whitelist, *listed), mine.spelling, tree)

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return sections and keys in plain types, in the order of the example."""
        plain: dict[str, dict[str, Any]] = msgspec.to_builtins(self, enc_hook=str)
        return plain

    def with_changes(self, section: str, **values: Any) -> Self:
        """Return a copy in which one section has other values."""
        changed = msgspec.structs.replace(getattr(self, section), **values)
        return msgspec.structs.replace(self, **{section: changed})


SECTIONS: dict[str, type[Section]] = get_type_hints(Config)
