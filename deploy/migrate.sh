#!/bin/sh
# Before each start of a new version: roles and database as the superuser, the tables as their owner.
set -eu
python -m deploy.database
python manage.py migrate --no-input
