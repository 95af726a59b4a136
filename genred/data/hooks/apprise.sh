#!/bin/sh
# apprise brings a message to whatever it knows: mail, Matrix, Telegram, Signal, a desktop. Needs apprise and jq.
#   HOOK_URLS   apprise's addresses, with spaces between them
set -eu
: "${HOOK_URLS:?is not set}"
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
printf '%s\n' "$HOOK_URLS" | tr -s ' ' '\n' >"$folder/apprise.conf"
jq -rsf "${0%/*}/summary.jq" | timeout 120 apprise --config "$folder/apprise.conf" --title genred
