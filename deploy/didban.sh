#!/bin/sh
exec python -m flows.cli "$@"
