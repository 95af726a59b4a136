#!/bin/sh
# An address of yours gets a batch as a JSON list. Needs curl and jq.
#   HOOK_URL     such as https://example.org/genred
#   HOOK_TOKEN   where the address asks for a bearer token
set -eu
: "${HOOK_URL:?is not set}"
key=$(jq -nr 'env | select(.HOOK_TOKEN) | "Authorization: Bearer \(.HOOK_TOKEN)" | "header = \(@json)"')
jq -cs . |
    curl --silent --show-error --fail --max-time 60 --output /dev/null --config /dev/fd/3 \
        --header 'Content-Type: application/json' --data-binary @- "$HOOK_URL" 3<<END
$key
END
