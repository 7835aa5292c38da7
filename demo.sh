#!/bin/sh
# The whole pipeline on the photographs inside scikit-image, in the folder demo/: `make demo` runs it.
set -eu
mkdir -p demo
cd demo

step() { printf '\n$ %s\n' "$*"; "$@"; }

step vdsr-data build-train sample --output train.h5 --force
step vdsr-data build-test sample --output sample.h5 --force
