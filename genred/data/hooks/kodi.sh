#!/bin/sh
# Kodi scans the folder in which genred wrote. Needs curl and jq, and in Kodi "Allow remote control via HTTP".
#   HOOK_URL                   such as http://localhost:8080
#   HOOK_USER, HOOK_PASSWORD   where Kodi asks for them
# Paths have to be those that Kodi sees: --map FOLDER PATH
set -eu
: "${HOOK_URL:?is not set}"
login=$(jq -nr 'env | select(.HOOK_PASSWORD) | "\(.HOOK_USER // "kodi"):\(.HOOK_PASSWORD)" | "user = \(@json)"')

ask() {
    curl --silent --show-error --fail --max-time 60 --config /dev/fd/3 --header 'Content-Type: application/json' \
        --data-binary @- "${HOOK_URL%/}/jsonrpc" 3<<END
$login
END
}

# Asked for a scan while one goes on, Kodi ends that one: so there is one request, for the folder that holds all.
folder=$(jq -rsf "${0%/*}/folders.jq" | jq -Rrs 'split("\n")[:-1] | map(split("/"))
    | . as $all | .[0] | . as $one | [range(length; -1; -1) | select(. as $n | $all | all(.[]; .[:$n] == $one[:$n]))][0]
    | $one[:.] | join("/")')
scanning=$(
    jq -n '{jsonrpc: "2.0", id: 1, method: "XBMC.GetInfoBooleans", params: {booleans: ["Library.IsScanningMusic"]}}' | ask
)
if printf '%s' "$scanning" | jq -e '.result."Library.IsScanningMusic"' >/dev/null; then
    echo "Kodi is scanning already" >&2
    exit 1
fi
answer=$(
    FOLDER=$folder jq -n '{jsonrpc: "2.0", id: 1, method: "AudioLibrary.Scan", params: {directory: "\(env.FOLDER)/"}}' | ask
)
printf '%s' "$answer" | jq -e '.result == "OK"' >/dev/null || {
    printf '%s\n' "$answer" >&2
    exit 1
}
