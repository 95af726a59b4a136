"""The history as pages of rows, each found from the last row of the page before it.

A page costs the same wherever it lies, and nothing is counted for it. Rows that are added meanwhile move nothing: a page
begins behind a row and not after a number of rows. No index helps to find what stands in the middle of a name; such a
search reads for `SECONDS`, and says how far it came.
"""

import base64
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from genred.fs.files import readable
from genred.history import queries
from genred.history.records import Author, Query, Record
from genred.history.schema import Connecting, columns_in, files, records, tally_now

Row = TypeVar("Row")

SIZE = 50
SECONDS = 0.06
"""A search that has not filled its page reads no further after this time."""
CHUNK = 4096
"""How many rows a search reads before it looks at the clock first; twice as many each time."""
