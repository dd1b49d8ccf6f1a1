#!/bin/sh
# Before each start of a new version: roles and database as the superuser, tables and rights as their owner.
set -eu
python -m deploy.database
python manage.py migrate --no-input
python manage.py database_roles --apply
