"""Print constraints for pip that allow no library newer than the newest that genred's tests passed with."""

from genred.dependencies import LIBRARIES

for library in LIBRARIES:
    major, minor, *_ = map(int, library.newest.split("."))
    print(f"{library.name}<{major}.{minor + 1}")
