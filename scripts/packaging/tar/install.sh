#!/bin/sh
# Puts sallyport on this machine, or takes it away; starts nothing, and overwrites no configuration.
#   sh install.sh               shows what would be done, and does nothing
#   sudo sh install.sh --do     does it
#   sudo sh install.sh --undo   takes the same files away; configuration, keys and state stay
set -eu
cd "$(dirname "$0")"
prefix=${PREFIX:-/usr/local}

step() {
  echo "$*"
  [ -z "$doing" ] || "$@"
}
put() { # mode file place
  step mkdir -p "$(dirname "$3")"
  # A move replaces a program that runs, where a copy is refused ("Text file busy").
  step cp "$2" "$3.new"
  step chmod "$1" "$3.new"
  step mv -f "$3.new" "$3"
}
placed() { # calls "$1" with mode, file and place of each file
  "$1" 0755 sallyport "$prefix/bin/sallyport"
  for page in man/*; do "$1" 0644 "$page" "$prefix/share/man/man${page##*.}/${page#man/}"; done
  "$1" 0644 completions/sallyport.bash "$prefix/share/bash-completion/completions/sallyport"
  "$1" 0644 completions/_sallyport "$prefix/share/zsh/site-functions/_sallyport"
  "$1" 0644 completions/sallyport.fish "$prefix/share/fish/vendor_completions.d/sallyport.fish"
}
take() { [ ! -e "$3" ] || step rm "$3"; }

case "${1:-}" in
  "" | --do)
    doing=${1:-}
    machine=$(uname -m)
    [ "$machine" = "@MACHINE@" ] || { echo "install.sh: this archive is for @MACHINE@, and this machine is $machine: take the other one" >&2; exit 1; }
    placed put
    [ -e /etc/sallyport/config.toml ] || put 0644 config.toml /etc/sallyport/config.toml
    if [ -z "$doing" ]; then
      echo 'Nothing was done. To do it: sudo sh install.sh --do'
    else
      "$prefix/bin/sallyport" version
      echo "Next: sudo sallyport init, which asks which ports to hide and who may knock; without systemd, have your service manager run \"sallyport serve\" then"
    fi
    ;;
  --undo)
    doing=yes
    [ ! -e /etc/systemd/system/sallyport.service ] || { echo 'install.sh: the service is still there: run "systemctl disable --now sallyport" and "sallyport service remove" first' >&2; exit 1; }
    [ ! -e /etc/systemd/system/sallyport-guard.service ] || { echo 'install.sh: the guard at boot is still there: run "systemctl disable sallyport-guard" and "sallyport firewall uninstall" first' >&2; exit 1; }
    if "$prefix/bin/sallyport" firewall show 2>/dev/null | grep -q '^table inet sallyport'; then
      echo 'install.sh: the guard is up, and nothing would open its ports any more: stop the daemon and run "sallyport firewall remove" first' >&2
      exit 1
    fi
    placed take
    echo 'Configuration, keys and state stay in /etc/sallyport and /var/lib/sallyport'
    ;;
  *)
    echo "install.sh: \"$1\" is nothing it knows: write --do or --undo, or nothing to see what would be done" >&2
    exit 64
    ;;
esac
