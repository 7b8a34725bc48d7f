#!/bin/sh
# Fetches the two documentation pages' bundles at the given versions and puts them here, ready to be served offline.
#
#   crates/api/assets/update.sh 5.35.0 2.5.4        (swagger-ui-dist, redoc)
#
# Needs npm, tar and sed. Only bundles and licences are replaced; index.html and initialise.js are our own.
set -eu

swagger_version=${1:?usage: update.sh <swagger-ui-dist version> <redoc version>}
redoc_version=${2:?usage: update.sh <swagger-ui-dist version> <redoc version>}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package, version
    mkdir "$work/$1"
    (cd "$work" && npm pack --silent "$1@$2" >/dev/null)
    tar -xzf "$work/$1-$2.tgz" -C "$work/$1" --strip-components=1
}

# Source maps are not served, so their references go too: a browser's inspector would ask for them in vain.
without_source_map() { sed -e '/^\/\/# sourceMappingURL=/d' -e '/^\/\*# sourceMappingURL=/d' "$1" >"$2"; }

fetch swagger-ui-dist "$swagger_version"
for file in swagger-ui.css swagger-ui-bundle.js; do
    without_source_map "$work/swagger-ui-dist/$file" "$here/swagger-ui/$file"
done
for file in LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt favicon-32x32.png; do
    cp "$work/swagger-ui-dist/$file" "$here/swagger-ui/$file"
done

fetch redoc "$redoc_version"
# The menu's foot would show a picture from a foreign host. An empty one fails to load, and the bundle then shows none.
without_source_map "$work/redoc/bundles/redoc.standalone.js" "$work/redoc.js"
sed 's|https://cdn\.redoc\.ly/redoc/logo-mini\.svg|data:,|' "$work/redoc.js" >"$here/redoc/redoc.standalone.js"
cp "$work/redoc/LICENSE" "$here/redoc/LICENSE"
cp "$work/redoc/bundles/redoc.standalone.js.LICENSE.txt" "$here/redoc/redoc.standalone.js.LICENSE.txt"

if grep -q 'cdn\.redoc\.ly' "$here/redoc/redoc.standalone.js"; then
    echo "redoc.standalone.js still names a foreign host: adapt this script" >&2
    exit 1
fi
