#!/bin/sh
# Navidrome, or another server that speaks Subsonic's language, looks for what is new. Needs curl and jq.
#   HOOK_URL                   such as http://localhost:4533
#   HOOK_USER, HOOK_PASSWORD   of somebody who may start a scan; Navidrome wants an administrator
set -eu
. "${0%/*}/http.inc"
: "${HOOK_URL:?is not set}" "${HOOK_USER:?is not set}" "${HOOK_PASSWORD:?is not set}"
cat >/dev/null
HOOK_SALT=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
HOOK_HASH=$(printf %s "$HOOK_PASSWORD$HOOK_SALT" | md5sum | cut -d ' ' -f 1)
export HOOK_SALT HOOK_HASH
parameters=$(jq -nr '"u=\(env.HOOK_USER)", "t=\(env.HOOK_HASH)", "s=\(env.HOOK_SALT)", "v=1.16.1", "c=genred", "f=json"
    | "data-urlencode = \(@json)"')
answer=$(ask "${HOOK_URL%/}/rest/startScan" "$parameters" --get)
printf '%s' "$answer" | jq -Res '[fromjson? | ."subsonic-response"?.status?] == ["ok"]' >/dev/null || {
    printf '%s' "$answer" | jq -Rrs '[fromjson? | ."subsonic-response"?.error?.message? | strings][0]
        // "an answer that is none of Subsonic'\''s"' >&2
    exit 1
}
