#!/bin/sh
# An address of yours gets a batch as a JSON list. Needs curl and jq.
#   HOOK_URL     such as https://example.org/genred
#   HOOK_TOKEN   where the address asks for a bearer token
set -eu
. "${0%/*}/http.inc"
: "${HOOK_URL:?is not set}"
key=$(jq -nr 'env | select(.HOOK_TOKEN) | "Authorization: Bearer \(.HOOK_TOKEN)" | "header = \(@json)"')
jq -cs . |
    ask "$HOOK_URL" "$key" --output /dev/null --header 'Content-Type: application/json' --data-binary @-
