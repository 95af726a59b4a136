"""The configuration: TOML, environment and flags become a frozen, checked `Config`; and the folders of genred.

Precedence: flag > ``GENRED_SECTION_KEY`` in the environment > file > default.
"""

from genred.config.folders import cache_dir, config_home, state_dir
from genred.config.reading import Mistake, check, doubts, find, load, place
from genred.config.sections import (
    SCHEDULER,
    SECTIONS,
    Cluster,
    Config,
    Evidence,
    Genres,
    History,
    Model,
    Section,
    Service,
    Tags,
    Watch,
    Web,
)

__all__ = [
    "SCHEDULER",
    "SECTIONS",
    "Cluster",
    "Config",
    "Evidence",
    "Genres",
    "History",
    "Mistake",
    "Model",
    "Section",
    "Service",
    "Tags",
    "Watch",
    "Web",
    "cache_dir",
    "check",
    "config_home",
    "doubts",
    "find",
    "load",
    "place",
    "state_dir",
]
