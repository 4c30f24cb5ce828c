#!/bin/sh
# Runs a program with two arguments; expects them on its output, and their number and one as its
# exit code.
output=$("$1" one 'two é')
code=$?
expected='1 one
2 two é
wide 5
bye'
if [ "$code" -ne 3 ] || [ "$output" != "$expected" ]; then
  echo "FAILED: exit code $code, output:"
  echo "$output"
  exit 1
fi
