"""What workers need that is slow to import and the same for all, imported once by the process they are forked from."""

import os
import signal
import sys

# Of a worker that can't even begin, short of memory say, whoever waits for it tells in words.
sys.excepthook = lambda *error: None

# Ctrl-C, and a terminal that is closed, are for the parent to handle, also while this is being imported.
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.setpgrp()

try:
    from genred import tags  # noqa: F401 - to have it
    from genred.model import storage  # noqa: F401 - to have it
    from genred.sound import audio, features, filters  # noqa: F401 - to have it

    if filters.are_kept():  # to design them takes long, and is for a worker, which can be ended
        features.extract(())
except Exception:  # noqa: BLE001, S110 - whatever it is, the worker that needs it tells of it, to somebody who listens
    pass
