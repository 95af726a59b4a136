#!/bin/sh
# Kodi scans the folder in which genred wrote. Needs curl and jq, and in Kodi "Allow remote control via HTTP".
#   HOOK_URL                   such as http://localhost:8080
#   HOOK_USER, HOOK_PASSWORD   where Kodi asks for them
# Paths have to be those that Kodi sees: --map FOLDER PATH
set -eu
. "${0%/*}/http.inc"
: "${HOOK_URL:?is not set}"
login=$(jq -nr 'env | select(.HOOK_PASSWORD) | "\(.HOOK_USER // "kodi"):\(.HOOK_PASSWORD)" | "user = \(@json)"')

kodi() {
    ask "${HOOK_URL%/}/jsonrpc" "$login" --header 'Content-Type: application/json' --data-binary @-
}

refuse() {
    printf '%.500s\n' "$1" >&2
    exit 1
}

# What becomes of a scan that goes on when Kodi is asked for another one was not tried: so there is one request, for the
# folder that holds all, and none while Kodi scans.
folder=$(jq -rsf "${0%/*}/folders.jq" | jq -Rrs 'split("\n")[:-1] | map(split("/"))
    | . as $all | .[0] | . as $one | [range(length; -1; -1) | select(. as $n | $all | all(.[]; .[:$n] == $one[:$n]))][0]
    | $one[:.] | join("/")')
scanning=$(
    jq -n '{jsonrpc: "2.0", id: 1, method: "XBMC.GetInfoBooleans", params: {booleans: ["Library.IsScanningMusic"]}}' | kodi
)
case $(printf '%s' "$scanning" | jq -Rrs 'fromjson? | .result?."Library.IsScanningMusic"?') in
false) ;;
true) refuse "Kodi is scanning already" ;;
*) refuse "an answer that is none of Kodi's: $scanning" ;;
esac
answer=$(
    FOLDER=$folder jq -n '{jsonrpc: "2.0", id: 1, method: "AudioLibrary.Scan", params: {directory: "\(env.FOLDER)/"}}' | kodi
)
printf '%s' "$answer" | jq -Res '[fromjson? | .result?] == ["OK"]' >/dev/null ||
    refuse "Kodi did not take it: $answer"
