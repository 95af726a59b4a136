#!/bin/sh
# ntfy brings a message to your telephone. Needs curl and jq.
#   HOOK_URL     the topic, such as https://ntfy.sh/my-secret-topic
#   HOOK_TOKEN   where the server asks for one
set -eu
: "${HOOK_URL:?is not set}"
key=$(jq -nr 'env | select(.HOOK_TOKEN) | "Authorization: Bearer \(.HOOK_TOKEN)" | "header = \(@json)"')
jq -rsf "${0%/*}/summary.jq" |
    curl --silent --show-error --fail --max-time 60 --output /dev/null --config /dev/fd/3 \
        --header 'Title: genred' --header 'Tags: musical_note' --data-binary @- "$HOOK_URL" 3<<END
$key
END
