# For the tests of packages: counts what fails, and goes on.
failures=0
check() { # what, command…
  if "${@:2}" >/dev/null 2>&1; then
    echo "ok: $1"
  else
    echo "FAILED: $1"
    failures=$((failures + 1))
  fi
}
total() { [ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }; }
