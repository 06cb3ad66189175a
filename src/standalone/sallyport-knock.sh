#!/bin/sh
# Knocks at a door of sallyport (RKS1, and fixed sequences) from any Unix: dash, bash, busybox ash, as on OpenWrt
# and in Termux. Takes the options of `sallyport knock`, prints its messages, ends with its exit codes, and shares
# its folders, so that both use each slot once.
#
# Needs something that computes SHA-256 (sha256sum, openssl, shasum or sha256) and something that connects (bash,
# nc, curl or nmap; UDP goes by bash or nc). The key is in a file of mode 0600 or comes in on standard input. It
# stays in this shell. The shell's own printf writes it into pipes, so that no command line, environment or
# temporary file ever holds it.

set -f +x +a 2>/dev/null # tracing or exporting by the caller must not show the key
LC_ALL=C
export LC_ALL

SELF=sallyport-knock.sh
OK=0 FAILURE=1 USAGE=64 CONFIG=78 # sysexits(3) where it has one

LINK_BYTES=8192
SLOTS_AHEAD=1    # RKS1, the default skew
PATIENCE_SLOTS=2 # waits for so many without asking; beyond them a clock was set, and the wait could take for ever
SLOTS_KEPT=16    # files of the highest slots; a clock that runs ahead must not take the memory of others
WINDOW_SECONDS=10
FIXED_GAP_MS=100 # each packet is a process here: processes started too close to each other may swap
LEAD_MS=300      # for the probe of the port before the knock
HOLD_MS=800      # how long an attempt is held: the kernel repeats the SYN after a second

NL='
'
CR=$(printf '\r')
TAB=$(printf '\t')
QUOTE_66=$(printf '\342\200\234') QUOTE_99=$(printf '\342\200\235') # UTF-8
QUOTE_6=$(printf '\342\200\230') QUOTE_9=$(printf '\342\200\231')

note() { printf '%s: %s\n' "$SELF" "$1" >&2; }

fail() { # message [exit code]
  note "$1"
  exit "${2:-$FAILURE}"
}

say() { printf '%s\n' "$1" 2>/dev/null || fail "Cannot write the output: standard output takes no more"; }

has() { command -v "$1" >/dev/null 2>&1; }

is_number() { # text least most
  case $1 in '' | *[!0-9]* | ???????*) return 1 ;; esac
  set -- "$(plain_number "$1")" "$2" "$3"
  [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

plain_number() { # without leading zeros, which the shell would read as octal
  set -- "${1#"${1%%[!0]*}"}"
  printf '%s' "${1:-0}"
}

# --- SHA-256 and HMAC ----------------------------------------------------------------------------------------
# Bytes are a printf format of octal escapes. Results come back in R, because $(…) would cost a process each.

find_hasher() {
  case $(command -v printf) in
    printf) ;;
    *) fail "Cannot knock: printf of this shell is a program, which would show the key to other users: run this with dash, bash or busybox ash" ;;
  esac
  [ "$((1 << 32))" = 4294967296 ] || fail "Cannot knock: this shell counts with 32 bits only: run this with dash, bash or busybox ash"
  for HASHER in sha256sum openssl shasum sha256 busybox; do
    has "$HASHER" || continue
    hash_of 'abc'
    [ "$R" != ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ] || return 0
  done
  fail "Cannot knock: nothing here computes SHA-256: install one of sha256sum, openssl, shasum"
}

hash_of() { # bytes; R is hexadecimal
  # shellcheck disable=SC2059 # the format is the bytes
  case $HASHER in
    openssl) R=$(printf "$1" | openssl dgst -sha256 2>/dev/null) && R=${R##* } ;;
    shasum) R=$(printf "$1" | shasum -a 256 2>/dev/null) ;;
    busybox) R=$(printf "$1" | busybox sha256sum 2>/dev/null) ;;
    *) R=$(printf "$1" | "$HASHER" 2>/dev/null) ;;
  esac
  R=${R%% *}
}

byte() { R="\\$(($1 >> 6 & 7))$(($1 >> 3 & 7))$(($1 & 7))"; }

bytes_of_hex() {
  hex=$1 bytes=
  while [ -n "$hex" ]; do
    rest=${hex#??}
    byte "$((0x${hex%"$rest"}))"
    bytes=$bytes$R hex=$rest
  done
  R=$bytes
}

whole_number() { # number, bytes; big-endian
  shift_by=$((($2 - 1) * 8)) bytes=
  while [ "$shift_by" -ge 0 ]; do
    byte "$(($1 >> shift_by & 255))"
    bytes=$bytes$R shift_by=$((shift_by - 8))
  done
  R=$bytes
}

set_key() { # decimal bytes, 64 at most
  INNER='' OUTER='' left=64
  for one in "$@"; do
    byte "$((one ^ 0x36))"
    INNER=$INNER$R
    byte "$((one ^ 0x5c))"
    OUTER=$OUTER$R left=$((left - 1))
  done
  while [ "$left" -gt 0 ]; do
    INNER=$INNER'\066' OUTER=$OUTER'\134' left=$((left - 1))
  done
}

hmac() { # message, under the key of set_key; R is hexadecimal
  hash_of "$INNER$1"
  bytes_of_hex "$R"
  hash_of "$OUTER$R"
}

decode_base32() { # text; R are decimal bytes; fails where it is none, or another text means the same
  text=$1 buffer=0 bits=0 R=
  while [ -n "$text" ]; do
    rest=${text#?}
    char=${text%"$rest"} text=$rest
    case $char in
      [A-Z]) before=ABCDEFGHIJKLMNOPQRSTUVWXYZ ;;
      [a-z]) before=abcdefghijklmnopqrstuvwxyz ;;
      [2-7]) before=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 ;;
      *) return 1 ;;
    esac
    before=${before%"$char"*}
    buffer=$((buffer << 5 | ${#before})) bits=$((bits + 5))
    if [ "$bits" -ge 8 ]; then
      bits=$((bits - 8))
      R="$R $((buffer >> bits & 255))"
    fi
    buffer=$((buffer & (1 << bits) - 1))
  done
  [ "$bits" -lt 5 ] && [ "$buffer" -eq 0 ]
}

# --- RKS1 ----------------------------------------------------------------------------------------------------

sequence_ports() { # door lo hi n slot, under the key of set_key; R are the ports, in order of drawing
  size=$(($3 - $2 + 1)) found=' ' count=0 block=0
  limit=$((65536 - 65536 % size))
  whole_number "$5" 8
  head="RKS1\\000ports\\000$1\\000$R"
  while :; do
    whole_number "$block" 4
    hmac "$head$R"
    drawn=$R
    while [ -n "$drawn" ]; do
      rest=${drawn#????}
      draw=$((0x${drawn%"$rest"})) drawn=$rest
      [ "$draw" -lt "$limit" ] || continue
      port=$(($2 + draw % size))
      case $found in *" $port "*) continue ;; esac
      found="$found$port " count=$((count + 1))
      if [ "$count" -eq "$4" ]; then
        R=${found# } R=${R% }
        return
      fi
    done
    block=$((block + 1))
  done
}

# --- Links ---------------------------------------------------------------------------------------------------
# read_link sets USER_TEXT HOST DOOR KEY_TEXT LO HI N STEP PROTO OPENS, or REASON and fails. No reason quotes
# anything: the misplaced part of a link may be the key.

refuse() {
  REASON="Cannot read the profile link: $1"
  return 1
}

is_address4() {
  case $1 in *[!0-9.]* | *.*.*.*.* | .* | *. | *..*) return 1 ;; *.*.*.*) ;; *) return 1 ;; esac
  parts=$1.
  while [ -n "$parts" ]; do
    part=${parts%%.*} parts=${parts#*.}
    case $part in 0 | [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) [ "$part" -le 255 ] || return 1 ;; *) return 1 ;; esac
  done
}

is_address6() {
  case $1 in *[!0-9A-Fa-f:.]* | *:::* | *::*::*) return 1 ;; *:*) ;; *) return 1 ;; esac
  groups=$1 most=8 least=8
  case $groups in
    *::*) most=7 least=0 ;;
    :* | *:) return 1 ;;
  esac
  case $groups in
    *.*)
      is_address4 "${groups##*:}" || return 1
      groups=${groups%:*}:0:0
      ;;
  esac
  count=0 groups=$groups:
  while [ -n "$groups" ]; do
    part=${groups%%:*} groups=${groups#*:}
    case $part in
      '') ;;
      [0-9A-Fa-f] | [0-9A-Fa-f][0-9A-Fa-f] | [0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f] | [0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]) count=$((count + 1)) ;;
      *) return 1 ;;
    esac
  done
  [ "$count" -le "$most" ] && [ "$count" -ge "$least" ]
}

is_link_local() {
  case $1 in [Ff][Ee][89AaBb][0-9A-Fa-f]:*) is_address6 "$1" ;; *) return 1 ;; esac
}

is_host_name() {
  [ "${#1}" -le 253 ] || return 1
  case $1 in *[!A-Za-z0-9_.-]* | .* | *..* | -* | *- | *.-* | *-.* | '') return 1 ;; esac
}

decode_escapes() { # text of a query; R
  R=$1
  case $1 in *[%+]*) ;; *) return 0 ;; esac
  text=$1 bytes=
  while [ -n "$text" ]; do
    case $text in
      %[0-9A-Fa-f][0-9A-Fa-f]*)
        rest=${text#???} char=${text%"${text#???}"}
        byte "$((0x${char#%}))"
        ;;
      +*) rest=${text#?} R=' ' ;;
      [A-Za-z0-9,/:=.-]*) rest=${text#?} R=${text%"${text#?}"} ;;
      *) rest=${text#?} R='?' ;; # no value holds it
    esac
    bytes=$bytes$R text=$rest
  done
  # shellcheck disable=SC2059
  R=$(printf "$bytes" 2>/dev/null)
}

is_user() { # as the link writes it
  rest=$1 slashes=0
  case $1 in *"$TAB"* | *' '*) return 1 ;; esac
  while :; do
    case $rest in *%*) rest=${rest#*%} ;; *) break ;; esac
    case $rest in
      2[Ff]*) slashes=$((slashes + 1)) ;;
      [01][0-9A-Fa-f]* | 20* | 7[Ff]*) return 1 ;;
      [0-9A-Fa-f][0-9A-Fa-f]*) ;;
      *) return 1 ;;
    esac
  done
  case $1 in %2[Ff]* | *%2[Ff]) return 1 ;; esac
  [ "$slashes" -le 1 ] && [ "${#1}" -le 400 ]
}

is_range() { # 22, 22/tcp, 8000-8010:udp; sets FIRST LAST RANGE_PROTO
  RANGE_PROTO=tcp FIRST=$1
  case $1 in
    *[/:]tcp) FIRST=${1%????} ;;
    *[/:]udp) FIRST=${1%????} RANGE_PROTO=udp ;;
  esac
  LAST=$FIRST
  case $FIRST in *-*) LAST=${FIRST#*-} FIRST=${FIRST%%-*} ;; esac
  [ "${#FIRST}" -le 5 ] && [ "${#LAST}" -le 5 ] || return 1
  is_number "$FIRST" 1 65535 && is_number "$LAST" 1 65535 || return 1
  FIRST=$(plain_number "$FIRST") LAST=$(plain_number "$LAST")
  [ "$FIRST" -le "$LAST" ]
}

read_opens() { # sets OPENS in one spelling, TCP_PORT to the first of TCP
  OPENS='' TCP_PORT=''
  [ -n "$1" ] || return 0
  parts=$1,
  while [ -n "$parts" ]; do
    is_range "${parts%%,*}" || return 1
    parts=${parts#*,}
    [ "$RANGE_PROTO" = udp ] || TCP_PORT=${TCP_PORT:-$FIRST}
    [ "$FIRST" = "$LAST" ] || FIRST=$FIRST-$LAST
    OPENS=$OPENS${OPENS:+,}$FIRST/$RANGE_PROTO
  done
}

read_number() { # name, text, standard, least, most; R
  R=$3
  [ -n "$2" ] || return 0
  set -- "$1" "${2#=}" "$3" "$4" "$5"
  if [ "${#2}" -gt 5 ] || ! is_number "$2" "$4" "$5"; then
    refuse "its \"$1\" is out of bounds: write a whole number from $4 to $5"
    return 1
  fi
  R=$(plain_number "$2")
}

read_host() { # as the link writes it; sets HOST
  HOST=$1
  case $1 in
    '['*)
      HOST=${1#?} HOST=${HOST%?}
      case $HOST in
        *%*)
          zone=${HOST#*%}
          case $zone in 25?*) zone=${zone#25} ;; esac
          is_link_local "${HOST%%\%*}" || return 1
          case $zone in '' | *[!A-Za-z0-9._-]* | ????????????????*) return 1 ;; esac
          HOST=${HOST%%\%*}%$zone
          ;;
        *) is_address6 "$HOST" || return 1 ;;
      esac
      ;;
    *[!0-9.]*) is_host_name "$1" || return 1 ;;
    *) is_address4 "$1" || return 1 ;;
  esac
}

read_link() {
  link=$1
  while :; do
    case $link in [" $TAB$CR$NL"]*) link=${link#?} ;; *[" $TAB$CR$NL"]) link=${link%?} ;; *) break ;; esac
  done
  shape='it is not one: it looks like rks1://USER@HOST/DOOR?key=…'
  case $link in [Rr][Kk][Ss]1://?*@?*/?*\??*) ;; *) refuse "$shape"; return 1 ;; esac
  link=${link#*://}
  USER_TEXT=${link%%@*} rest=${link#*@}
  host=${rest%%/*} rest=${rest#*/}
  DOOR=${rest%%\?*} query=${rest#*\?}
  case $USER_TEXT in '' | *[/?#]*) refuse "$shape"; return 1 ;; esac
  case $host in
    '['*']') case ${host#?} in *'['* | *']'?* | *[@?#]*) refuse "$shape"; return 1 ;; esac ;;
    '' | *[@?#:]* | *'['* | *']'*) refuse "$shape"; return 1 ;;
  esac
  case $DOOR in '' | *[/#]*) refuse "$shape"; return 1 ;; esac
  case $query in '' | *'#'*) refuse "$shape"; return 1 ;; esac
  case $DOOR in *[!a-z0-9-]*) refuse 'its door is not a name: write a–z, 0–9 and hyphens'; return 1 ;; esac
  [ "${#DOOR}" -le 63 ] || { refuse 'its door is not a name: write a–z, 0–9 and hyphens'; return 1; }
  # A present value begins with "=", which tells an empty one from an omitted one.
  v_key='' v_lo='' v_hi='' v_n='' v_step='' v_proto='' v_opens=''
  pairs=$query'&'
  while [ -n "$pairs" ]; do
    pair=${pairs%%&*} pairs=${pairs#*&}
    [ -n "$pair" ] || continue
    name=${pair%%=*} value=
    case $pair in *=*) value=${pair#*=} ;; esac
    case $name in
      key | lo | hi | n | step | proto | opens) ;;
      *) refuse 'it has a parameter that RKS1 does not know: write only key, lo, hi, n, step, proto, opens'; return 1 ;;
    esac
    decode_escapes "$value"
    value="=$R"
    case $name in
      key) set -- "$v_key" && v_key=$value ;;
      lo) set -- "$v_lo" && v_lo=$value ;;
      hi) set -- "$v_hi" && v_hi=$value ;;
      n) set -- "$v_n" && v_n=$value ;;
      step) set -- "$v_step" && v_step=$value ;;
      proto) set -- "$v_proto" && v_proto=$value ;;
      opens) set -- "$v_opens" && v_opens=$value ;;
    esac
    [ -z "$1" ] || { refuse "its \"$name\" stands twice: write it once"; return 1; }
  done
  read_number lo "$v_lo" 20000 1 65535 || return 1
  LO=$R
  read_number hi "$v_hi" 52767 1 65535 || return 1
  HI=$R
  [ "$((HI - LO + 1))" -ge 1000 ] || { refuse 'its "lo" and "hi" leave too few ports: make the range 1000 or more'; return 1; }
  PROTO=${v_proto#=}
  [ -n "$v_proto" ] || PROTO=tcp
  case $PROTO in tcp | udp) ;; *) refuse 'its "proto" is neither "tcp" nor "udp"'; return 1 ;; esac
  is_user "$USER_TEXT" || { refuse 'its user is not a name: write "alice@" or "alice%2Flaptop@" before the host'; return 1; }
  read_host "$host" || { refuse 'its host is not one: write a name, an IPv4 address or an IPv6 address in brackets'; return 1; }
  if is_link_local "$HOST"; then
    refuse 'its host is a link-local address, which says nothing without an interface: write [fe80::…%25eth0], with the name of the one that leads there on the computer that knocks'
    return 1
  fi
  KEY_TEXT=${v_key#=}
  [ -n "$v_key" ] || { refuse 'it has no key: copy the whole link'; return 1; }
  if [ "${#KEY_TEXT}" -ne 52 ] || ! decode_base32 "$KEY_TEXT"; then
    refuse 'its key is not 32 bytes of base32 (52 characters): copy the whole link'
    return 1
  fi
  # shellcheck disable=SC2086 # a list
  set_key $R
  read_number n "$v_n" 8 3 16 || return 1
  N=$R
  read_number step "$v_step" 30 10 300 || return 1
  STEP=$R
  read_opens "${v_opens#=}" || { refuse 'its "opens" is not a list of ports: write "22/tcp"'; return 1; }
}

upper() { # base32 text; R
  text=$1 R=
  while [ -n "$text" ]; do
    rest=${text#?} char=${text%"${text#?}"} text=$rest
    case $char in
      [a-z])
        before=abcdefghijklmnopqrstuvwxyz before=${before%"$char"*}
        after=ABCDEFGHIJKLMNOPQRSTUVWXYZ
        while [ -n "$before" ]; do before=${before#?} after=${after#?}; done
        char=${after%"${after#?}"}
        ;;
    esac
    R=$R$char
  done
}

format_link() { # R, without the parameters that are at their default
  upper "$KEY_TEXT"
  text="key=$R"
  [ "$LO" -eq 20000 ] || text="$text&lo=$LO"
  [ "$HI" -eq 52767 ] || text="$text&hi=$HI"
  [ "$N" -eq 8 ] || text="$text&n=$N"
  [ "$STEP" -eq 30 ] || text="$text&step=$STEP"
  [ "$PROTO" = tcp ] || text="$text&proto=$PROTO"
  [ -z "$OPENS" ] || text="$text&opens=$OPENS"
  case $HOST in
    *%*) host="[${HOST%%\%*}%25${HOST#*%}]" ;;
    *:*) host="[$HOST]" ;;
    *) host=$HOST ;;
  esac
  R="rks1://$USER_TEXT@$host/$DOOR?$text"
}

bare() { # a line without marks of a quoted mail, and without quotes around its text; R
  R=$1
  while :; do case $R in [" $TAB>|"]*) R=${R#?} ;; *) break ;; esac; done
  while :; do
    case $R in
      ['"'\''`<(']*) R=${R#?} ;;
      "$QUOTE_66"* | "$QUOTE_6"*) R=${R#???} ;;
      '«'*) R=${R#??} ;;
      *) break ;;
    esac
  done
  while :; do
    case $R in
      *['"'\''`>),;'" $TAB"]) R=${R%?} ;;
      *"$QUOTE_99" | *"$QUOTE_9") R=${R%???} ;;
      *'»') R=${R%??} ;;
      *) break ;;
    esac
  done
}

pick_link() { # what somebody pasted; R is the one link in it
  rest=$1 count=0
  while :; do
    case $rest in *[Rr][Kk][Ss]1://*) rest=${rest#*[Rr][Kk][Ss]1://} count=$((count + 1)) ;; *) break ;; esac
  done
  if [ "$count" -gt 1 ]; then
    fail "Cannot read the profile link: there are $count links: give it one at a time, each under a name of its own" "$USAGE"
  fi
  lines=$1$NL picked='' started=
  while [ -n "$lines" ]; do
    line=${lines%%["$NL$CR"]*} lines=${lines#*["$NL$CR"]}
    [ -n "$line" ] || continue
    if [ -n "$started" ]; then
      bare "$line"
      case $R in '' | *[!]A-Za-z0-9\&=,/%._~:@?[-]*) break ;; esac
      picked=$picked$R
    elif [ "$count" -eq 0 ]; then
      bare "$line"
      [ -z "$R" ] || return 0
    else
      case $line in
        *[Rr][Kk][Ss]1://*)
          line=${line#"${line%%[Rr][Kk][Ss]1://*}"}
          bare "${line%%[" $TAB"]*}"
          picked=$R started=yes
          ;;
      esac
    fi
  done
  R=$picked
  [ -n "$R" ] || fail "Cannot read the profile link: standard input is empty: paste the link, or pipe it in" "$USAGE"
}

hide_typed() {
  stty -echo
  printf 'Profile link (not shown): ' >&2
}

show_typed() {
  stty "$shown"
  printf '\n' >&2
}

stop_typing() { # while this is stopped, the terminal is the shell's, where one sees what one types
  show_typed
  trap - TSTP
  kill -TSTP $$
  trap 'stop_typing' TSTP
  stopped=yes
  hide_typed
}

read_input() { # sets R to the link on standard input
  if [ -t 0 ]; then
    shown=$(stty -g) stopped=
    trap 'show_typed; exit 130' INT # 128 and the number of the signal
    trap 'show_typed; exit 143' TERM
    trap 'stop_typing' TSTP
    hide_typed
    # A signal ends the read in some shells, and goes unnoticed in others.
    until IFS= read -r text || [ -z "$stopped" ]; do stopped=; done
    trap - INT TERM TSTP
    show_typed
  else
    text=$(head -c "$((LINK_BYTES + 1))" 2>/dev/null | tr '\000' '?')
    if [ "${#text}" -gt "$LINK_BYTES" ]; then
      fail "Cannot read the profile link: standard input is longer than any link: give it the link alone" "$USAGE"
    fi
  fi
  pick_link "$text"
}

# --- Files: the folders of `sallyport knock` -------------------------------------------------------------------

folders() {
  find_home
  case ${XDG_CONFIG_HOME:-} in /*) PROFILES=$XDG_CONFIG_HOME ;; *) PROFILES=${R:+$R/.config} ;; esac
  case ${XDG_STATE_HOME:-} in /*) SLOTS=$XDG_STATE_HOME ;; *) SLOTS=${R:+$R/.local/state} ;; esac
  PROFILES=${PROFILES:+$PROFILES/sallyport/profiles} SLOTS=${SLOTS:+$SLOTS/sallyport/slots}
  umask 077
}

find_home() { # R: a relative one would put keys and slots wherever this is started
  R=${HOME:-}
  case $R in /*) return 0 ;; esac
  R=
  ! has getent || IFS=: read -r _ _ _ _ _ R _ <<EOF
$(getent passwd "$(id -u 2>/dev/null)" 2>/dev/null)
EOF
  case $R in /*) ;; *) R='' ;; esac
}

need_home() { # a folder below it, the variable that names another; a fixed knock needs neither
  [ -n "$1" ] || fail "Cannot find your home folder: HOME names none, and neither does this system's list of users: set HOME, or $2"
}

is_profile_name() {
  [ "${#1}" -le 32 ] || return 1
  case $1 in '' | *[!A-Za-z0-9._-]* | [!A-Za-z0-9]*) return 1 ;; esac
}

check_name() { # name, action
  is_profile_name "$1" || fail "Cannot $2: its name is not valid: use up to 32 letters, digits, \".\", \"_\" and \"-\", a letter or digit first" "$USAGE"
}

list_profiles() { # R: "home, office"
  need_home "$PROFILES" XDG_CONFIG_HOME
  R=
  # As after a sudo that kept HOME: there are profiles in it. Below a folder that lets nobody through, none is seen.
  way=$PROFILES
  while [ ! -e "$way" ] && [ "$way" != "${way%/*}" ]; do way=${way%/*}; done
  if [ -d "$way" ] && { [ ! -x "$way" ] || { [ "$way" = "$PROFILES" ] && [ ! -r "$way" ]; }; }; then
    fail "Cannot read $PROFILES: permission denied: make it a folder of yours with mode 0700" "$CONFIG"
  fi
  # shellcheck disable=SC2045 # names must fit a pattern; other files are ignored
  for name in $(ls "$PROFILES" 2>/dev/null); do
    ! is_profile_name "$name" || R=$R${R:+, }$name
  done
}

read_profile() { # name
  check_name "$1" "find the profile"
  need_home "$PROFILES" XDG_CONFIG_HOME
  path=$PROFILES/$1
  if [ ! -e "$path" ]; then
    list_profiles
    known="no profile is saved"
    [ -z "$R" ] || known="saved are $R"
    fail "Cannot find the profile \"$1\": $known: save its link with \"$SELF --save $1\"; for a fixed sequence, name the ports after the host" "$USAGE"
  fi
  [ -f "$path" ] || fail "Cannot use $path: it is no file: move it away" "$CONFIG"
  # shellcheck disable=SC2012 # the mode of one file, whose name is known
  mode=$(ls -ldL "$path" 2>/dev/null)
  case $mode in
    -???------*) ;;
    *) fail "Cannot use $path: other users of this computer can read the key in it: run \"chmod 600 $path\", and have the key replaced if one may have" "$CONFIG" ;;
  esac
  text=
  { IFS= read -r text || :; } 2>/dev/null <"$path" || fail "Cannot read $path: permission denied: make it a file of yours with mode 0600" "$CONFIG"
  read_link "$text" || fail "Cannot use $path: $REASON" "$CONFIG"
}

refuse_links() { # what the command line names
  case $1 in
    [Rr][Kk][Ss][0-9]* | *://* | *[Kk][Ee][Yy]=*)
      fail "Cannot use a link on the command line: other users can see it there: pipe it in and write \"-\", or store it with \"$SELF --save NAME\"" "$USAGE"
      ;;
  esac
}

check_host() { # before it is looked up: name servers would read a key, 52 characters of base32; it is quoted nowhere
  case $1 in
    '' | *[[:space:][:cntrl:]/@]*) none=none ;;
    *:*:*) none= ;;
    *:*) none=none ;;
    *) none= ;;
  esac
  [ -z "$none" ] || fail "Cannot look up the host: it is none: write a name or an address alone, without a user or a port" "$USAGE"
  key=$1
  while :; do case $key in *=) key=${key%=} ;; *) break ;; esac; done
  case $key in *[!A-Za-z2-7]*) return 0 ;; esac
  [ "${#key}" -ne 52 ] ||
    fail "Cannot look up the host: it looks like a key: write a host there, and save the whole link with \"$SELF --save NAME\"" "$USAGE"
}

open_profile() { # what the command line names
  if [ "$1" = - ]; then
    read_input
    read_link "$R" || fail "$REASON" "$USAGE"
  else
    refuse_links "$1"
    read_profile "$1"
  fi
}

save_profile() { # name, of the link that was read
  need_home "$PROFILES" XDG_CONFIG_HOME
  path=$PROFILES/$1
  format_link
  link=$R
  mkdir -p "$PROFILES" 2>/dev/null
  # A disk may have room for a name, and none for what stands in the file.
  if [ -n "$FORCE" ]; then
    draft=$PROFILES/.draft.$$
    { (set -C && printf '%s\n' "$link" >"$draft") && mv -f "$draft" "$path"; } 2>/dev/null && return
    rm -f "$draft"
  else
    (
      set -C
      exec 3>"$path" || exit
      printf '%s\n' "$link" >&3 || { rm -f "$path"; exit 1; }
    ) 2>/dev/null && return
    [ ! -e "$path" ] || fail "Cannot save the profile \"$1\": $path exists: add --force to replace it, or choose another name"
  fi
  fail "Cannot save the profile \"$1\": $path cannot be written: make $PROFILES writable, or name another folder in XDG_CONFIG_HOME"
}

find_slots() { # sets DEVICE_SLOTS, the folder of this key and door
  need_home "$SLOTS" XDG_STATE_HOME
  hmac "sallyport client slots\\000$DOOR"
  DEVICE_SLOTS=$SLOTS/${R%"${R#????????????????????????????????}"}
}

last_slot() { # R: the highest slot used, -1 where there is none
  R=-1
  # shellcheck disable=SC2045 # as above
  for name in $(ls "$DEVICE_SLOTS/${STEP}s" 2>/dev/null); do
    case $name in *[!0-9]* | ????????????????*) continue ;; esac
    [ "$name" -le "$R" ] || R=$name
  done
}

claim_slot() { # slot; the exclusive creation of its file is the claim, so two knocks never share one
  folder=$DEVICE_SLOTS/${STEP}s
  mkdir -p "$folder" 2>/dev/null
  if ! (set -C && : >"$folder/$1") 2>/dev/null; then
    [ ! -e "$folder/$1" ] || return 1
    fail "Cannot write $folder/$1: it cannot be created: a slot must be remembered before it is used: make the folder writable, or name another in XDG_STATE_HOME"
  fi
  while :; do
    count=0 lowest=$1
    # shellcheck disable=SC2045 # as above
    for name in $(ls "$folder"); do
      case $name in *[!0-9]* | ????????????????*) continue ;; esac
      count=$((count + 1))
      [ "$name" -ge "$lowest" ] || lowest=$name
    done
    [ "$count" -gt "$SLOTS_KEPT" ] || break
    rm -f "$folder/$lowest" 2>/dev/null || break
  done
  last_slot
  [ "$1" -gt "$((R - SLOTS_KEPT))" ]
}

forget_ahead() { # those that no knock may use yet: the server may have believed the knocks of all others
  now=$(date +%s)
  # shellcheck disable=SC2045 # as above
  for length in $(ls "$DEVICE_SLOTS" 2>/dev/null); do
    case ${length%s} in '' | 0* | *[!0-9]* | ??????*) continue ;; esac
    for name in $(ls "$DEVICE_SLOTS/$length" 2>/dev/null); do
      case $name in *[!0-9]* | ????????????????*) continue ;; esac
      [ "$name" -gt "$((now / ${length%s} + SLOTS_AHEAD))" ] || continue
      rm -f "$DEVICE_SLOTS/$length/$name" 2>/dev/null ||
        fail "Cannot forget the slots used in $DEVICE_SLOTS: they cannot be removed: make the folder writable, or name another in XDG_STATE_HOME"
    done
  done
}

roughly() { # seconds; R
  if [ "$1" -lt 120 ]; then R="$1 seconds"
  elif [ "$1" -lt 7200 ]; then R="$((($1 + 30) / 60)) minutes"
  elif [ "$1" -lt 172800 ]; then R="$((($1 + 1800) / 3600)) hours"
  else R="$((($1 + 43200) / 86400)) days"
  fi
}

shown_time() { date -u '+%Y-%m-%d %H:%M:%S UTC'; }

take_slot() { # sets SLOT, marked used; or WAIT_S, the seconds before it may be asked again, and fails
  while :; do
    now=$(date +%s)
    present=$((now / STEP))
    last_slot
    SLOT=$((R + 1))
    [ "$SLOT" -ge "$present" ] || SLOT=$present
    until=$((SLOT - SLOTS_AHEAD))
    if [ "$SLOT" -gt "$((present + SLOTS_AHEAD))" ]; then
      if [ "$((until - present))" -le "$PATIENCE_SLOTS" ]; then
        WAIT_S=$((until * STEP - now))
        return 1
      fi
      roughly "$(((SLOT - 1 - present) * STEP))"
      fail "Cannot knock for $DOOR on $HOST: the last knock from here was $R ahead of this computer's clock ($(shown_time)): set the clock right; if it is right now and was wrong then, run \"$SELF --forget PROFILE\" once"
    fi
    # Another knock may take it between the choice and the claim; the next choice is then a later one.
    ! claim_slot "$SLOT" || return 0
  done
}

# --- Network ---------------------------------------------------------------------------------------------------

find_sleep() {
  if sleep 0.001 2>/dev/null; then SLEEP='sleep'
  elif has usleep; then SLEEP=usleep
  else SLEEP=whole
  fi
}

pause() { # milliseconds
  thousandth=$(($1 % 1000 + 1000))
  case $SLEEP in
    sleep) sleep "$(($1 / 1000)).${thousandth#1}" ;;
    usleep) usleep "$(($1 * 1000))" ;;
    whole) sleep "$((($1 + 999) / 1000))" ;;
  esac
}

now_ms() { # R: of a clock of no account beyond differences
  if [ -r /proc/uptime ] && read -r R _ </proc/uptime 2>/dev/null; then
    R=${R%.*}${R#*.}0
  else
    R=$(date +%s)000
  fi
}

# The programs that connect, in order of preference. bash and curl take the ports on standard input, where no `ps` shows them.
find_sender() { # protocols, "tcp" or "tcp udp"
  for SENDER in ${WITH:-bash nc curl nmap}; do
    has "$SENDER" || continue
    case $SENDER in
      nc)
        nc_help=$(nc -h 2>&1 </dev/null)
        case $1:$nc_help in *udp:*-*u*) ;; *udp:*) continue ;; esac
        case $nc_help in *-z*) NC_LOOK=-z ;; *) NC_LOOK='' ;; esac
        ;;
      curl | nmap) case $1 in *udp) continue ;; esac ;;
    esac
    return 0
  done
  case $1 in
    *udp*) fail "Cannot knock: nothing here sends UDP: install bash or nc" ;;
    *) fail "Cannot knock: nothing here connects: install one of bash, nc, curl, nmap" ;;
  esac
}

bracketed() { # address as curl writes it; R
  case $1 in
    *%*) R="[${1%%\%*}%25${1#*%}]" ;;
    *:*) R="[$1]" ;;
    *) R=$1 ;;
  esac
}

nmap_options() { # address; R
  R="-n -Pn -sT -T5 --max-retries 0 --max-rtt-timeout 300ms --min-parallelism 16"
  case $1 in *:*) R="$R -6" ;; esac
}

# shellcheck disable=SC2016 # a program of bash
BASH_SENDER='
while read -r proto port; do
  [ "$2" = 0 ] || [ -z "$begun" ] || sleep "$2"
  begun=yes
  if [ "$proto" = udp ]; then (printf x >"/dev/udp/$1/$port") & else (: >"/dev/tcp/$1/$port") & fi
done
sleep "$3"
kill $(jobs -p)'

send_knocks() { # address, gap in ms, then words "tcp 7000"; in this order; returns when all have left
  address=$1 gap=$2
  shift 2
  case $SENDER in
    bash)
      printf '%s %s\n' "$@" | bash -c "$BASH_SENDER" bash "$address" \
        "$(seconds "$gap")" "$(seconds "$HOLD_MS")" >/dev/null 2>&1
      ;;
    curl) send_by_curl "$@" ;;
    nmap) send_by_nmap "$@" ;;
    nc)
      (
        pids='' begun=
        while [ $# -gt 0 ]; do
          [ "$gap" -eq 0 ] || [ -z "$begun" ] || pause "$gap"
          begun=yes
          if [ "$1" = udp ]; then
            { printf x; pause "$HOLD_MS"; } | nc -u "$address" "$2" &
          else
            nc "$address" "$2" </dev/null &
          fi
          pids="$pids $!"
          shift 2
        done
        pause "$HOLD_MS"
        # shellcheck disable=SC2086
        kill $pids
      ) >/dev/null 2>&1
      ;;
  esac
  return 0
}

seconds() { # milliseconds as a decimal fraction
  thousandth=$(($1 % 1000 + 1000))
  printf '%s' "$(($1 / 1000)).${thousandth#1}"
}

send_by_curl() {
  bracketed "$address"
  if [ "$gap" -gt 0 ]; then
    # One after the other, each held for the length of the pause.
    list=$R
    while [ $# -gt 0 ]; do
      now_ms
      left=$((R + gap))
      printf 'url = "http://%s:%s/"\n' "$list" "$2" |
        curl -q -s --noproxy '*' --connect-timeout "$(seconds "$((gap < HOLD_MS ? gap : HOLD_MS))")" --max-time 1 -o /dev/null -K - >/dev/null 2>&1
      now_ms
      [ "$left" -le "$R" ] || pause "$((left - R))"
      shift 2
    done
    return
  fi
  # An attempt that is refused at once must not end the others, nor an older curl without -Z.
  config=
  list=$R
  while [ $# -gt 0 ]; do
    config=$config"url = \"http://$list:$2/\"${NL}output = /dev/null$NL"
    shift 2
  done
  printf '%s' "$config" | curl -q -s --noproxy '*' --connect-timeout "$(seconds "$HOLD_MS")" --max-time 1 \
    -Z --parallel-immediate --parallel-max 64 -K - >/dev/null 2>&1
  [ $? -ne 2 ] || printf '%s' "$config" | curl -q -s --noproxy '*' --connect-timeout 0.05 --max-time 1 -K - >/dev/null 2>&1
}

send_by_nmap() {
  nmap_options "$address"
  if [ "$gap" -gt 0 ]; then
    while [ $# -gt 0 ]; do
      # shellcheck disable=SC2086
      nmap $R -p "$2" "$address" >/dev/null 2>&1
      pause "$gap"
      shift 2
    done
    return
  fi
  ports=
  while [ $# -gt 0 ]; do
    case ",$ports," in *",$2,"*) ;; *) ports=$ports${ports:+,}$2 ;; esac
    shift 2
  done
  # nmap connects to each port once, however often the list names it.
  for _ in 1 2; do
    # shellcheck disable=SC2086
    nmap $R -p "$ports" "$address" >/dev/null 2>&1
  done
}

look() { # address, port, file; writes "open" or "refused" into it once it knows; killed, it ends what it began
  (
    child=
    trap '[ -z "$child" ] || kill "$child"; exit 0' TERM
    answer=refused
    case $SENDER in
      bash) bash -c ': <>"/dev/tcp/$1/$2"' bash "$1" "$2" & ;;
      nc)
        if [ -n "$NC_LOOK" ]; then nc -z -w 60 "$1" "$2" & else nc "$1" "$2" </dev/null & fi
        ;;
      curl)
        bracketed "$1"
        curl -q -sv --noproxy '*' --connect-timeout 60 --max-time 61 -o /dev/null "telnet://$R:$2" </dev/null 2>"$3.curl" &
        ;;
      nmap)
        nmap_options "$1"
        # shellcheck disable=SC2086
        nmap $R -oG - -p "$2" "$1" >"$3.nmap" &
        ;;
    esac
    child=$!
    wait "$child"
    code=$?
    case $SENDER:$code in
      nmap:*)
        case $(cat "$3.nmap") in
          */open/*) answer=open ;;
          */filtered/*) exit 0 ;;
        esac
        ;;
      curl:28) exit 0 ;;
      *:0) answer=open ;;
    esac
    printf '%s' "$answer" >"$3"
  ) >/dev/null 2>&1 &
  LOOKS="$LOOKS $!"
}

clear_answers() { # before, after; names are not expanded here
  (set +f && rm -f "$WORK/$1"*)
}

end_looks() {
  # shellcheck disable=SC2086
  [ -z "$LOOKS" ] || kill $LOOKS 2>/dev/null
  LOOKS=
}

answer_of() { # file; R
  R=silent
  [ ! -s "$1" ] || read -r R <"$1" || :
  # curl stays connected to a silent service; its messages about that differ between versions.
  [ "$SENDER" != curl ] || case $(cat "$1.curl" 2>/dev/null) in
    *'Connected to '* | *'Established connection to '*) R=open ;;
  esac
}

await_open() { # address, port, milliseconds; fails unless the port answers; R is "open", "refused" or "silent"
  now_ms
  begun=$R looked=0 best=silent
  clear_answers after
  while :; do
    now_ms
    passed=$((R - begun))
    answer_of "$WORK/before"
    [ "$R" != open ] || { best=open; break; }
    number=0
    while [ "$number" -lt "$looked" ]; do
      number=$((number + 1))
      answer_of "$WORK/after.$number"
      case $R in open) best=open ;; refused) [ "$best" = open ] || best=refused ;; esac
    done
    [ "$best" != open ] || break
    [ "$passed" -lt "$3" ] || break
    case $looked in 0) due=0 ;; 1) due=100 ;; 2) due=300 ;; 3) due=700 ;; *) due=$((1200 + (looked - 4) * 1000)) ;; esac
    if [ "$passed" -ge "$due" ]; then
      looked=$((looked + 1))
      look "$1" "$2" "$WORK/after.$looked"
    fi
    pause 20
  done
  now_ms
  ENDED_MS=$R
  end_looks
  R=$best
  [ "$best" = open ]
}

find_targets() { # host, family; sets TARGETS, those with a route, families in turn
  given=$1 kept=$HOST
  case $given in '['*) ;; *:*) given="[$given]" ;; esac
  case $given in
    '['*']') if read_host "$given"; then given=$HOST; else given=${given#?} given=${given%?}; fi ;;
  esac
  HOST=$kept
  missing_zone "$given"
  [ -z "$R" ] || fail "Cannot knock on $given: $R"
  if is_address4 "$given" || is_address6 "${given%%\%*}"; then
    found=$given
  elif ! is_host_name "$given"; then
    fail "Cannot look up $1: no such name: check its spelling and this computer's DNS"
  elif has getent; then
    found=$(getent ahosts "$given" 2>/dev/null | while read -r one _; do printf '%s\n' "$one"; done)
  else
    # The first line of ping names the address: "PING gate (192.0.2.1)".
    found=
    for command in "ping -c 1 -W 1" "ping6 -c 1 -W 1"; do
      # shellcheck disable=SC2086
      line=$($command "$given" 2>/dev/null | { IFS= read -r line; printf '%s' "$line"; })
      case $line in *'('*')'*) line=${line#*\(} found="$found ${line%%)*}" ;; esac
    done
  fi
  all=' '
  for one in $found; do
    case $all in *" $one "*) ;; *) all="$all$one " ;; esac
  done
  [ "$all" != ' ' ] || fail "Cannot look up $1: no such name: check its spelling and this computer's DNS"
  four='' six='' first=''
  for one in $all; do
    family=4
    case $one in *:*) family=6 ;; esac
    [ -z "$2" ] || [ "$2" = "$family" ] || continue
    first=${first:-$family}
    if [ "$family" = 4 ]; then four="$four $one"; else six="$six $one"; fi
  done
  [ -n "$four$six" ] || fail "Cannot knock on $1 over IPv$2: it has no such address: leave out -$2"
  routed4='' routed6='' listed=''
  for one in $four $six; do
    listed=$listed${listed:+, }$one
    has_route "$one" || continue
    case $one in *:*) routed6="$routed6 $one" ;; *) routed4="$routed4 $one" ;; esac
  done
  [ -n "$routed4$routed6" ] || fail "Cannot knock on $1: this computer has no route to $listed: connect it to a network that does"
  # shellcheck disable=SC2086
  if [ "$first" = 6 ]; then take_turns "$routed6" $routed4; else take_turns "$routed4" $routed6; fi
}

missing_zone() { # host; R: why it cannot be knocked on for want of an interface, empty where nothing is wanting
  R=
  is_link_local "${1%%\%*}" || return 0
  zones='' numbers=' '
  if [ -r /proc/net/if_inet6 ]; then
    while read -r _ index _ scope _ name; do
      [ "$scope" = 20 ] || continue
      case "$zones " in *" $name "*) continue ;; esac
      zones="$zones $name" numbers="$numbers$((0x$index)) "
    done </proc/net/if_inet6
  fi
  # shellcheck disable=SC2086
  set -- "$1" $zones
  case $1 in
    *%*)
      case "$zones $numbers" in *" ${1#*%} "*) return 0 ;; esac
      [ -r /proc/net/if_inet6 ] || return 0
      R="no interface ${1#*%} of this computer is up with a link-local address: bring it up"
      # shellcheck disable=SC2086
      [ $# -eq 1 ] || R="${R%bring it up}write $(joined ' or ' $zones) in its place"
      ;;
    *)
      R="a link-local address says nothing without the interface that leads there: write $1%"
      # shellcheck disable=SC2086
      if [ $# -eq 1 ]; then R="${R}eth0, with its name, and bring it up"; else R=$R$(joined ' or %' $zones); fi
      ;;
  esac
}

joined() { # separator, words
  separator=$1 text=$2
  shift 2
  for one in "$@"; do text=$text$separator$one; done
  printf '%s' "$text"
}

take_turns() { # list, then the words of another
  TARGETS=$1 turns=
  shift
  for one in $TARGETS; do
    turns="$turns $one ${1:-}"
    [ $# -eq 0 ] || shift
  done
  TARGETS="$turns $*"
}

has_route() { # only a clear no counts: some systems let nobody ask
  case $1 in *%*) return 0 ;; esac
  has ip || return 0
  case $(ip route get "$1" 2>&1) in *nreachable* | *prohibit*) return 1 ;; *) return 0 ;; esac
}

# --- Knock -------------------------------------------------------------------------------------------------------

next_knock() { # sets KNOCKS; or fails with WAIT_S
  [ -n "$ROTATING" ] || return 0
  take_slot || return 1
  sequence_ports "$DOOR" "$LO" "$HI" "$N" "$SLOT"
  # Whole once, then again: a burst of losses shorter than a sequence takes no port twice.
  KNOCKS=
  for port in $R $R; do KNOCKS="$KNOCKS $PROTO $port"; done
}

remember() { # address before after: what tells most is kept in TOLD
  SEEN="$SEEN $1=$2"
  case $2:$3 in silent:refused) [ -n "$CHANGED" ] || TOLD="$1 $2 $3" CHANGED=yes ;; esac
  [ -z "$CHANGED" ] || return 0
  case $3 in refused) TOLD="$1 $2 $3" REFUSED=yes ;; *) [ -n "$REFUSED" ] || TOLD="$1 $2 $3" ;; esac
}

tell() { [ -z "$VERBOSE" ] || note "$1"; }

# Knocks until the port answers; sets STATE ADDRESS BEFORE ATTEMPTS SINCE_MS ELAPSED_MS.
attempt() {
  now_ms
  started=$R knocked=$R
  find_targets "$1" "$FAMILY"
  SEEN='' TOLD='' CHANGED='' REFUSED='' LOOKS='' ATTEMPTS=0 list=$TARGETS
  while :; do
    # shellcheck disable=SC2086
    set -- $list
    [ $# -gt 0 ] || { list=$TARGETS; continue; }
    ADDRESS=$1
    shift
    list=$*
    probed=$PORT told=
    [ -n "$PORT" ] || probed=none
    until next_knock; do
      if [ -n "$CHANGED" ]; then
        finish "$TOLD"
        return
      fi
      if [ "$probed" = "$PORT" ]; then
        # Slots run out when somebody connects often; the door of the last knock is then still open.
        clear_answers before
        if await_open "$ADDRESS" "$PORT" "$((WAIT_S * 1000 < TIMEOUT_MS ? WAIT_S * 1000 : TIMEOUT_MS))"; then
          known_before "$ADDRESS"
          finish "$ADDRESS ${R:-open} open"
          return
        fi
        probed=yes
        continue
      fi
      [ -n "$told" ] || note "waiting $WAIT_S s for a new slot: each opens only once"
      told=yes
      pause 1000
    done
    ATTEMPTS=$((ATTEMPTS + 1))
    if [ -n "$PORT" ]; then
      clear_answers before
      look "$ADDRESS" "$PORT" "$WORK/before"
      # The knock must not overtake the probe. A later answer may be due to the knock.
      lead=0
      while [ ! -s "$WORK/before" ] && [ "$lead" -lt "$LEAD_MS" ]; do pause 20; lead=$((lead + 20)); done
      answer_of "$WORK/before"
      before=$R
    fi
    now_ms
    knocked=$R
    # shellcheck disable=SC2086
    if [ -n "$PORT" ]; then
      send_knocks "$ADDRESS" "$GAP_MS" $KNOCKS >/dev/null 2>&1 &
      SENT=$!
    else
      send_knocks "$ADDRESS" "$GAP_MS" $KNOCKS
    fi
    tell "knock $ATTEMPTS sent to $ADDRESS"
    if [ -z "$PORT" ]; then
      now_ms
      ENDED_MS=$R
      finish "$ADDRESS none sent"
      return
    fi
    await_open "$ADDRESS" "$PORT" "$((TIMEOUT_MS + GAP_MS * COUNT))" || :
    after=$R
    answer_of "$WORK/before"
    [ "$R" != refused ] || before=refused
    known_before "$ADDRESS"
    before=${R:-$before}
    if [ "$after" = open ]; then
      finish "$ADDRESS $before open"
      return
    fi
    wait "$SENT" 2>/dev/null
    remember "$ADDRESS" "$before" "$after"
    if [ "$after" = refused ]; then
      tell "knock $ATTEMPTS: $ADDRESS refuses the connection"
    else
      tell "knock $ATTEMPTS: no answer from $ADDRESS"
    fi
    if [ "$ATTEMPTS" -ge "$TRIES" ]; then
      finish "$TOLD"
      return
    fi
  done
}

known_before() { # address; R is empty where it was not knocked on yet
  R=
  for one in $SEEN; do
    case $one in "$1="*) R=${one##*=}; return ;; esac
  done
}

finish() { # "address before after"
  # shellcheck disable=SC2086
  set -- $1
  ADDRESS=$1 BEFORE=$2 STATE=$3
  now_ms
  ELAPSED_MS=$((R - started))
  SINCE_MS=$((ENDED_MS - knocked))
}

# --- Messages: those of `sallyport knock` ----------------------------------------------------------------------

describe() { # what, checks; R
  sent="$ATTEMPTS knocks sent"
  [ "$ATTEMPTS" -ne 1 ] || sent="1 knock sent"
  # shellcheck disable=SC2089,SC2090 # the quotes are for the reader
  ask='on the server, "sallyport why" with the address you come from'
  where="$1 ($ADDRESS)"
  case $1 in *"$ADDRESS") where=$1 ;; esac
  case $STATE:$BEFORE in
    sent:*) R="$where: knock sent, without waiting for an answer" ;;
    open:open)
      R="$where: $PORT/tcp is open, and was open before the knock: from here nobody can tell whether the knock was believed"
      [ "$ATTEMPTS" -gt 0 ] || R="$where: $PORT/tcp is open already"
      ;;
    open:*)
      R="$where: $PORT/tcp open after $SINCE_MS ms"
      [ "$ATTEMPTS" -ne 0 ] || R="$where: $PORT/tcp is open already"
      [ "$ATTEMPTS" -le 1 ] || R="$R, at knock $ATTEMPTS"
      ;;
    refused:silent) R="Cannot reach $1: $sent and $PORT/tcp, silent before, refuses now: the door may be open and nothing answers behind it: check that the service runs there and, $ask" ;;
    refused:*) R="Cannot reach $1: $sent and $PORT/tcp refuses as it did before: either the door did not open, or nothing answers behind it: check that the service runs there, $2 and, $ask" ;;
    *) R="Cannot open $1: $sent and $PORT/tcp still does not answer: check $2 and, $ask" ;;
  esac
}

print_outcome() { # what, checks
  describe "$1" "$2"
  if [ -n "$JSON" ]; then
    text="{$NL  \"host\": \"$HOST\",$NL"
    [ -z "$ROTATING" ] || text="$text  \"door\": \"$DOOR\",$NL"
    text="$text  \"state\": \"$STATE\",$NL  \"address\": \"$ADDRESS\",$NL"
    [ -z "$PORT" ] || text="$text  \"port\": $PORT,$NL  \"before\": \"$BEFORE\",$NL"
    say "$text  \"attempts\": $ATTEMPTS,$NL  \"sinceKnockMs\": $SINCE_MS,$NL  \"elapsedMs\": $ELAPSED_MS$NL}"
  fi
  case $STATE in
    open | sent) [ -n "$JSON" ] || say "$R" ;;
    *) fail "$R" ;;
  esac
}

# --- Command line ------------------------------------------------------------------------------------------------

usage() { # what is wrong [what would be right]
  fail "Cannot read the command line: $1: ${2:-see \"$SELF --help\"}" "$USAGE"
}

both() { usage "$1 cannot be used with $2" "give one of them"; }

once() { # option with a value: a second one would silently take the place of the first
  set -- "$1" "${1#-d}"
  case $GIVEN in *" ${2:---delay} "*) usage "${2:---delay} is given twice" "give it once" ;; esac
  GIVEN="$GIVEN${2:---delay} "
}

help() {
  say "Usage: $SELF [options] [profile] [ports...]

Knock at a door and wait until it answers

Arguments:
  profile               saved profile, \"-\" (link on standard input), or a host
  ports                 fixed sequence for a host: 7000 8000:udp 9000/tcp

Options:
  -4, --ipv4            knock over IPv4 only
  -6, --ipv6            knock over IPv6 only
  -d, --delay <ms>      pause between two packets
  -u, --udp             send the whole fixed sequence over UDP
  --wait <port>         TCP port to wait for
  --no-wait             knock once and do not wait for an answer
  --tries <n>           knocks at most (default: 3)
  --timeout <duration>  how long each knock waits for the answer (default: 2s)
  --save <name>         store a link, read from standard input, under a name
  --force               let --save replace a stored link
  --forget <profile>    forget the slots used by a clock that was ahead
  --with <program>      what connects: bash, nc, curl or nmap (default: the first that is there)
  --json                print the outcome as JSON
  -v, --verbose         say what happens
  -h, --help            show this

Examples:
  sh $SELF --save home          store a link (asked for, not shown) as \"home\"
  sh $SELF home && ssh gate     knock, wait until the door answers, connect
  pass show gate | sh $SELF -   the link from a password manager"
}

duration_ms() { # text; R
  case $1 in
    *[0-9]ms) set -- "${1%ms}" 1 ;;
    *[0-9]s) set -- "${1%s}" 1000 ;;
    *[0-9]m) set -- "${1%m}" 60000 ;;
    *) return 1 ;;
  esac
  is_number "$1" 1 60000 || return 1
  R=$(($(plain_number "$1") * $2))
  [ "$R" -ge 100 ] && [ "$R" -le 60000 ]
}

read_arguments() {
  FAMILY='' GAP_MS='' UDP='' WAIT='' NO_WAIT='' TRIES=3 TIMEOUT_MS=2000 SAVE='' FORCE='' FORGET='' WITH='' JSON='' VERBOSE=''
  PROFILE='' NAMED='' SEQUENCE='' bad_port='' only='' GIVEN=' '
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $only$option in
      --) only=only ; continue ;;
      -[46uvh][!-]*) # switches in one word: -uv
        set -- "-${option#-?}" "$@"
        option=${option%"${option#-?}"}
        ;;
      --delay=* | --wait=* | --tries=* | --timeout=* | --save=* | --forget=* | --with=*)
        value=${option#*=} option=${option%%=*}
        once "$option"
        ;;
      -d?*)
        value=${option#-d} option=-d
        once "$option"
        ;;
      -d | --delay | --wait | --tries | --timeout | --save | --forget | --with)
        [ $# -gt 0 ] || usage "$option needs a value"
        value=$1
        shift
        once "$option"
        ;;
    esac
    case $only$option in
      -4 | --ipv4) [ "$FAMILY" != 6 ] || both --ipv4 --ipv6; FAMILY=4 ;;
      -6 | --ipv6) [ "$FAMILY" != 4 ] || both --ipv6 --ipv4; FAMILY=6 ;;
      -d | --delay) is_number "$value" 0 60000 || usage "$option: Write a whole number from 0 to 60000."; GAP_MS=$(plain_number "$value") ;;
      -u | --udp) UDP=yes ;;
      --wait) is_number "$value" 1 65535 || usage "$option: Write a whole number from 1 to 65535."; [ -z "$NO_WAIT" ] || both --wait --no-wait; WAIT=$(plain_number "$value") ;;
      --no-wait) [ -z "$WAIT" ] || both --no-wait --wait; NO_WAIT=yes ;;
      --tries) is_number "$value" 1 20 || usage "$option: Write a whole number from 1 to 20."; TRIES=$(plain_number "$value") ;;
      --timeout) duration_ms "$value" || usage "$option: Write a duration from \"100ms\" to \"1m\"."; TIMEOUT_MS=$R ;;
      --save) [ -z "$FORGETTING" ] || both --save --forget; SAVE=$value SAVING=yes ;;
      --force) FORCE=yes ;;
      --forget) [ -z "$SAVING" ] || both --forget --save; FORGET=$value FORGETTING=yes ;;
      --with) case $value in bash | nc | curl | nmap) WITH=$value ;; *) usage "$option: Write bash, nc, curl or nmap." ;; esac ;;
      --json) JSON=yes ;;
      -v | --verbose) VERBOSE=yes ;;
      -h | --help) help; exit "$OK" ;;
      -?*) usage "there is an option that it does not know" ;; # not quoted: a link torn apart may stand there
      *)
        option=${option#"$only"}
        if [ -z "$NAMED" ]; then
          PROFILE=$option NAMED=yes
        else
          SEQUENCE="$SEQUENCE x"
          if is_range "$option" && [ "$FIRST" = "$LAST" ]; then
            KNOCKS="$KNOCKS $RANGE_PROTO $FIRST"
          elif [ -z "$bad_port" ]; then
            bad_port=" \"$option\""
            [ "${#option}" -le 12 ] || bad_port=' '
          fi
        fi
        ;;
    esac
  done
  [ -z "$FORCE" ] || [ -n "$SAVING" ] || fail "Cannot read the command line: --force is for --save, and there is none: leave it out, or add --save NAME" "$USAGE"
}

knock_profile() {
  [ -z "$UDP" ] || fail "Cannot use --udp with a profile: the profile says which protocol its door hears" "$USAGE"
  ROTATING=yes
  open_profile "$PROFILE"
  find_slots
  COUNT=$((N * 2)) GAP_MS=${GAP_MS:-0}
  if [ "$(((COUNT - 1) * GAP_MS))" -gt "$((WINDOW_SECONDS * 1000))" ]; then
    note "with this delay a knock takes $((((COUNT - 1) * GAP_MS + 999) / 1000)) s, and servers wait $WINDOW_SECONDS s for the whole of it unless told otherwise: use a smaller --delay"
  fi
  PORT=${WAIT:-$TCP_PORT}
  [ -z "$NO_WAIT" ] || PORT=
  [ -n "$PORT$NO_WAIT" ] || note "the link of $DOOR names no TCP port to wait for: sending one knock"
  protocols=tcp
  [ "$PROTO" != udp ] || protocols="tcp udp"
  prepare "$protocols"
  attempt "$HOST"
  print_outcome "$DOOR on $HOST" "this computer's clock ($(shown_time)), the network ($(printf '%s' "$PROTO" | tr tcpud TCPUD) to ports $LO-$HI may be filtered)"
}

note_profile() { # host; a profile's name with ports behind it is a host's, which is seldom meant
  [ -n "$PROFILES" ] && is_profile_name "$1" || return 0
  [ -e "$PROFILES/$1" ] || [ -h "$PROFILES/$1" ] || return 0
  wait=
  case $COUNT:$KNOCKS in 1:*tcp*) wait=" --wait ${KNOCKS##* }" ;; esac
  note "with ports behind it, \"$1\" is a host: to knock with the profile of that name, run \"$SELF $1$wait\""
}

knock_host() {
  refuse_links "$PROFILE" # before its name is looked up: name servers would read the key
  check_host "$PROFILE"
  [ -z "$bad_port" ] || fail "Cannot read the port${bad_port% }: write 7000, 8000:udp or 8000/udp, from 1 to 65535" "$USAGE"
  HOST=$PROFILE GAP_MS=${GAP_MS:-$FIXED_GAP_MS} PORT=$WAIT COUNT=0
  for one in $SEQUENCE; do COUNT=$((COUNT + 1)); done
  if [ -n "$UDP" ]; then
    knocks=$KNOCKS KNOCKS=
    for one in $knocks; do
      case $one in tcp | udp) ;; *) KNOCKS="$KNOCKS udp $one" ;; esac
    done
  fi
  note_profile "$HOST"
  case $KNOCKS in *udp*) prepare "tcp udp" ;; *) prepare tcp ;; esac
  attempt "$HOST"
  print_outcome "$HOST" "the sequence and its order, the network (the knocked ports may be filtered, or knocks overtake each other: try --delay 100)"
}

prepare() { # protocols; what a knock needs besides its terms
  find_sleep
  find_sender "$1"
  [ -n "$PORT" ] || return 0
  WORK=$(mktemp -d 2>/dev/null) || { WORK=${TMPDIR:-/tmp}/sallyport-knock.$$ && mkdir "$WORK"; } || fail "Cannot make a temporary folder: make ${TMPDIR:-/tmp} writable, or name another in TMPDIR"
  trap 'end_looks; rm -rf "$WORK"' EXIT
  trap 'exit 130' INT # 128 and the number of the signal
  trap 'exit 143' TERM
}

main() {
  KNOCKS='' SAVING='' FORGETTING='' ROTATING=''
  folders
  read_arguments "$@"
  find_hasher
  if [ -n "$SAVING" ]; then
    case $PROFILE in '' | -) ;; *) fail "Cannot save a link from the command line: other users could see it there: leave it out, and paste or pipe it in when asked" "$USAGE" ;; esac
    # Checked before the link is asked for, so that nobody has to paste it twice.
    check_name "$SAVE" "save the profile"
    read_input
    read_link "$R" || fail "$REASON" "$USAGE"
    save_profile "$SAVE"
    say "Saved $DOOR on $HOST in $path"
    missing_zone "$HOST"
    [ -z "$R" ] || note "$HOST cannot be knocked on as it is: $R"
    say "Knock with: $SELF $SAVE"
  elif [ -n "$FORGETTING" ]; then
    [ -z "$NAMED" ] || fail "Cannot forget slots: more than one profile is named: name one, behind --forget" "$USAGE"
    open_profile "$FORGET"
    find_slots
    forget_ahead
    say "Forgot the slots used ahead of this computer's clock for $DOOR on $HOST"
  elif [ -z "$NAMED" ]; then
    list_profiles
    [ -z "$R" ] || fail "Cannot knock: no profile is named: name one of $R" "$USAGE"
    fail "Cannot knock: no profile is named: save one with \"$SELF --save NAME\", or name a host and its ports" "$USAGE"
  elif [ -z "$SEQUENCE" ]; then
    knock_profile
  else
    knock_host
  fi
  exit "$OK"
}

# Tests read only the functions.
[ -n "${SALLYPORT_KNOCK_FUNCTIONS:-}" ] || main "$@"
