#!/bin/sh
# Plex scans the folders in which genred wrote. Needs curl and jq.
#   HOOK_URL       such as http://localhost:32400
#   HOOK_TOKEN     the X-Plex-Token
#   HOOK_SECTION   the number of the music library: source=... in the address of its page
# Paths have to be those that Plex sees: --map FOLDER PATH
set -eu
. "${0%/*}/http.inc"
: "${HOOK_URL:?is not set}" "${HOOK_TOKEN:?is not set}" "${HOOK_SECTION:?is not set}"
key=$(jq -nr '"X-Plex-Token: \(env.HOOK_TOKEN)" | "header = \(@json)"')
jq -rsf "${0%/*}/folders.jq" |
    while IFS= read -r folder; do
        ask "${HOOK_URL%/}/library/sections/$HOOK_SECTION/refresh" "$key" --output /dev/null \
            --get --data-urlencode "path=$folder"
    done
