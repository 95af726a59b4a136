#!/bin/sh
# MPD reads the folders anew in which genred wrote. Needs mpc and jq.
#   MPD_HOST, MPD_PORT   as for mpc: a host, password@host, or the path of a socket
# Paths have to begin in MPD's music_directory: genred follow --hook mpd --map MUSIC_DIRECTORY .
set -eu
batch=$(cat)
if printf '%s\n' "$batch" | jq -es 'all(.[]; .path | startswith("/"))' >/dev/null; then
    echo "no file is below MPD's music_directory; say where it is: --map MUSIC_DIRECTORY ." >&2
    exit 1
fi
# A rescan, since a file may have kept its time (tags.preserve_mtime), but not of the whole library. One after the other:
# MPD's queue is short. A name that begins with "-" is an option to mpc, whatever stands before it: there, all is read anew.
printf '%s\n' "$batch" | jq -c 'select(.path | startswith("/") | not)' | jq -rsf "${0%/*}/folders.jq" |
    sed 's/^-.*/-/' | uniq | while IFS= read -r folder; do
        case $folder in
        -) mpc --quiet --wait rescan </dev/null ;;
        '') mpc --quiet --wait update </dev/null ;;
        *) mpc --quiet --wait rescan "$folder" </dev/null ;;
        esac
    done
