#!/bin/sh
# Starts the gateway with the options of the add-on. `run.sh backup` makes what Home Assistant's backup contains;
# with other words, `run.sh config` for example, it runs that command with the same settings.
set -eu

ROOT=${ADDON_DATA:-/data}
BACKUP=$ROOT/darvaz-backup.tar
export DARVAZ_DATA="$ROOT/gateway"
# Home Assistant's ingress, which passes requests on from the side bar.
export DARVAZ_TRUSTED_PROXIES=172.30.32.2

option() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1])).get(sys.argv[2])
print(str(value).lower() if isinstance(value, bool) else "" if value is None else value)' "$ROOT/options.json" "$1"
}

for name in log_level public_tokens home_assistant home_assistant_ingress public_url; do
    value=$(option "$name")
    if [ -n "$value" ]; then
        export "DARVAZ_$(echo "$name" | tr '[:lower:]' '[:upper:]')=$value"
    fi
done

case ${1:-serve} in
backup)
    exec darvaz backup "$BACKUP" --force
    ;;
serve)
    if [ ! -e "$DARVAZ_DATA/darvaz.sqlite3" ] && [ -e "$BACKUP" ]; then
        darvaz restore "$BACKUP"
    fi
    exec darvaz serve
    ;;
*)
    exec darvaz "$@"
    ;;
esac
