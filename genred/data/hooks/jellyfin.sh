#!/bin/sh
# Jellyfin reads anew the files that genred wrote. Needs curl and jq.
#   HOOK_URL     such as http://localhost:8096
#   HOOK_TOKEN   an API key (Dashboard, API Keys)
# Paths have to be those that Jellyfin sees: --map FOLDER PATH
set -eu
. "${0%/*}/http.inc"
: "${HOOK_URL:?is not set}" "${HOOK_TOKEN:?is not set}"
key=$(jq -nr '"Authorization: MediaBrowser Token=\"\(env.HOOK_TOKEN)\"" | "header = \(@json)"')
jq -cs '{Updates: map({Path: .path, UpdateType: "Modified"}) | unique}' |
    ask "${HOOK_URL%/}/Library/Media/Updated" "$key" --output /dev/null \
        --header 'Content-Type: application/json' --data-binary @-
