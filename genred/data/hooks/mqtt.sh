#!/bin/sh
# A broker of MQTT gets each decision as a message, for Home Assistant and whoever else listens. Needs mosquitto_pub.
#   HOOK_HOST, HOOK_PORT       localhost and 1883 where they aren't set
#   HOOK_USER, HOOK_PASSWORD   where the broker asks for them
#   HOOK_TOPIC                 genred/decision where it isn't set
#   HOOK_CA                    a file or a folder of certificates, to speak over TLS
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
{
    printf '%s\n' "-h ${HOOK_HOST:-localhost}" "-p ${HOOK_PORT:-1883}" "-t ${HOOK_TOPIC:-genred/decision}" "-q 1"
    if [ -n "${HOOK_USER:-}" ]; then printf '%s\n' "-u $HOOK_USER"; fi
    if [ -n "${HOOK_PASSWORD:-}" ]; then printf '%s\n' "-P $HOOK_PASSWORD"; fi
    if [ -d "${HOOK_CA:-}" ]; then printf '%s\n' "--capath $HOOK_CA"; elif [ -n "${HOOK_CA:-}" ]; then
        printf '%s\n' "--cafile $HOOK_CA"
    fi
} >"$folder/mosquitto_pub"
XDG_CONFIG_HOME=$folder timeout 60 mosquitto_pub -l
