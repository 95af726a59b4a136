"""Check of the cluster that the configuration names: whether it is there, and which of its workers may hear."""

from collections.abc import Iterator
from contextlib import closing

from genred.analysis.cluster import SILENT, Cluster
from genred.config import Config
from genred.doctor.finding import Finding, fail, ok, warn
from genred.errors import ClusterError, ConfigError


def cluster(settings: Config) -> Iterator[Finding]:
    """Meet the cluster as the service does, and ask its workers what they have; without one, find nothing."""
    named = Cluster.of(settings, needed=False)
    if named is None:
        return
    with closing(named):
        try:
            found = named.differences()
        except ConfigError:
            missing = f"{named.scheduler}: the library distributed is missing, and nothing is heard without it"
            yield fail("cluster", missing, "pip install 'genred[dask]', in the environment it runs from")
            return
        except ClusterError as error:
            hint = "start what is missing (docs/scale.md), or take cluster.scheduler out of the configuration"
            yield warn("cluster", f"{error}; this machine hears alone", hint)
            return
        if agreeing := sum(not reason for reason in found.values()):
            workers = "1 worker hears" if agreeing == 1 else f"{agreeing} workers hear"
            files = "1 file" if named.at_once == 1 else f"{named.at_once} files"
            yield ok("cluster", f"{named.scheduler}: {workers} {files} at once")
        else:
            message = f"{named.scheduler}: no worker has the genred of this machine, which hears alone"
            yield warn("cluster", message, "make the genred of the workers the same as here")
        for address, reason in found.items():
            if reason:
                same = "make the genred there the same as here, and start the worker again"
                hint = "see whether that machine hangs, and start the worker again" if reason == SILENT else same
                yield warn("cluster", f"{address} is not asked: {reason}", hint)
