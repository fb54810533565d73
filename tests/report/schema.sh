#!/bin/sh
# Prints the SQL that makes an empty Aperture file of the newest version, from the texts of SQLDIR, as src/store does. Usage: schema.sh SQLDIR
set -e
version=1
cat "$1/schema.sql"
for f in "$1"/schema_[0-9]*.sql; do
	[ -e "$f" ] || continue
	cat "$f"
	version=${f##*schema_}
	version=${version%.sql}
done
cat "$1/views.sql" "$1/indexes.sql"
echo "PRAGMA user_version = $version;"
