#!/usr/bin/env python3
"""Knock at a door of sallyport: RKS1 and fixed sequences, in one file of Python 3.8 or later.

As a program it takes the options of `sallyport knock`, prints its messages, ends with its exit codes, and
shares its folders, so that both use each slot once. As a module:

    import sallyport_knock
    profile = sallyport_knock.read_profile("home")      # or parse_link(text)
    outcome = sallyport_knock.knock(profile)            # takes a slot, sends it, waits until the port answers
    assert outcome.state == "open", sallyport_knock.describe(profile, outcome)

Every failure is a KnockError, whose text is one sentence for a person and never holds the key.
`sequence_ports` and `choose_slot` are the specification itself, without clock, files or network.
"""

import argparse
import base64
import errno
import getpass
import hashlib
import hmac
import json
import math
import os
import random
import re
import select
import signal
import socket
import stat
import struct
import sys
import time
import urllib.parse
import uuid
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

try:
    import termios
except ImportError:  # Windows
    pass

OK, FAILURE, USAGE, CONFIG = 0, 1, 64, 78  # sysexits(3) where it has one

NAME = "sallyport_knock.py"
COPIES = 2  # RKS1: each port is sent twice, so that one lost packet does not lose the knock
SLOTS_AHEAD = 1  # RKS1, the default skew
PATIENCE_SLOTS = 2  # waits for so many without asking; beyond them a clock was set, and the wait could take for ever
SLOTS_KEPT = 16  # files of the highest slots; a clock that runs ahead must not take the memory of others
WINDOW_SECONDS = 10  # RKS1, the default
FIXED_GAP_MS = 5  # queues of network cards swap packets less than about a millisecond apart
LINK_BYTES = 8192
LINK_PROMPT = "Profile link (not shown): "
LEAD_S = 0.005  # the knock must not overtake the probe before it
LIFE_S = 0.9  # of that probe: the SYN that the kernel repeats after a second would see the effect of the knock


class KnockError(Exception):
    """One finished sentence for a person, and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int = FAILURE):
        super().__init__(message)
        self.exit_code = exit_code


# --- RKS1 ---------------------------------------------------------------------------------------------------


class Profile(NamedTuple):
    """One device's way to one door. Holds the key: treat it as a password."""

    user: str
    host: str
    door: str
    key: bytes
    lo: int = 20000
    hi: int = 52767
    n: int = 8
    step: int = 30
    proto: str = "tcp"
    opens: Tuple[Tuple[str, int, int], ...] = ()  # (proto, from, to)


def server_key(master: bytes, server: str) -> bytes:
    """K, the key of one device on one server."""
    return hmac.new(master, b"RKS1\0server\0" + server.encode("ascii"), hashlib.sha256).digest()


def sequence_ports(key: bytes, door: str, lo: int, hi: int, n: int, slot: int) -> List[int]:
    """The n distinct ports of a door in a slot, in the order drawn."""
    size = hi - lo + 1
    if n > size:
        raise ValueError("A knock range holds fewer ports than a knock")
    limit = 65536 - 65536 % size
    head = b"RKS1\0ports\0" + door.encode("ascii") + b"\0" + struct.pack(">Q", slot)
    ports: List[int] = []
    block = 0
    while True:
        drawn = hmac.new(key, head + struct.pack(">I", block), hashlib.sha256).digest()
        for draw in struct.unpack(">16H", drawn):
            port = lo + draw % size
            if draw < limit and port not in ports:
                ports.append(port)
                if len(ports) == n:
                    return ports
        block += 1


def choose_slot(present: int, last: Optional[int]) -> Tuple[str, int]:
    """("use", slot), ("wait", the slot that must begin first) or ("clock", slots the last one was ahead).

    `last` is the highest slot ever used, None where there is none.
    """
    slot = present if last is None else max(present, last + 1)
    if slot <= present + SLOTS_AHEAD:
        return "use", slot
    until = slot - SLOTS_AHEAD
    if until - present <= PATIENCE_SLOTS:
        return "wait", until
    return "clock", slot - 1 - present


# --- Links --------------------------------------------------------------------------------------------------

LINK = re.compile(r"rks1://([^@/?#]+)@(\[[^\]@/?#]+\]|[^@/?#:\[\]]+)/([^/?#]+)\?([^#]+)", re.I)
LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
HOST = re.compile(r"(?=.{1,253}$)" + LABEL + r"(\." + LABEL + r")*\.?", re.I)
USER = re.compile(r"[^\s/\x00-\x1f\x7f-\x9f]{1,64}(/[^\s/\x00-\x1f\x7f-\x9f]{1,64})?")
RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:[/:](tcp|udp))?")
PARAMETERS = ("key", "lo", "hi", "n", "step", "proto", "opens")
ZONE = re.compile(r"[^\s/:%\x00-\x1f\x7f-\x9f]{1,15}")
PART = re.compile(r"[A-Za-z0-9&=,/%._~:@?\[\]-]+")


def _refuse(reason: str) -> KnockError:
    # Quotes nothing: the misplaced part of a link may be the key.
    return KnockError("Cannot read the profile link: " + reason, USAGE)


def _is_address(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
        return True
    except (OSError, ValueError):
        return False


def _parse_range(text: str) -> Optional[Tuple[str, int, int]]:
    found = RANGE.fullmatch(text)
    if found is None:
        return None
    first = int(found.group(1))
    last = first if found.group(2) is None else int(found.group(2))
    if first < 1 or last > 65535 or first > last:
        return None
    return found.group(3) or "tcp", first, last


def parse_link(text: str) -> Profile:
    """Reads a rks1:// link. Throws a KnockError that quotes nothing of it."""
    found = LINK.fullmatch(text.strip())
    if found is None:
        raise _refuse("it is not one: it looks like rks1://USER@HOST/DOOR?key=…")
    user, host, door, query = found.groups()
    if re.fullmatch("[a-z0-9-]{1,63}", door) is None:
        raise _refuse("its door is not a name: write a–z, 0–9 and hyphens")
    given: Dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise _refuse("it has a parameter that RKS1 does not know: write only " + ", ".join(PARAMETERS))
        if name in given:
            raise _refuse('its "%s" stands twice: write it once' % name)
        given[name] = value

    def number(name: str, standard: int, least: int, most: int) -> int:
        value = given.get(name)
        if value is None:
            return standard
        if re.fullmatch("[0-9]{1,5}", value) is None or not least <= int(value) <= most:
            raise _refuse('its "%s" is out of bounds: write a whole number from %d to %d' % (name, least, most))
        return int(value)

    lo, hi = number("lo", 20000, 1, 65535), number("hi", 52767, 1, 65535)
    if hi - lo + 1 < 1000:
        raise _refuse('its "lo" and "hi" leave too few ports: make the range 1000 or more')
    proto = given.get("proto", "tcp")
    if proto not in ("tcp", "udp"):
        raise _refuse('its "proto" is neither "tcp" nor "udp"')
    return Profile(
        _read_user(user),
        _read_host(host),
        door,
        _read_key(given.get("key")),
        lo,
        hi,
        number("n", 8, 3, 16),
        number("step", 30, 10, 300),
        proto,
        _read_opens(given.get("opens", "")),
    )


def _read_user(encoded: str) -> str:
    try:
        user = urllib.parse.unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        user = ""
    if re.search("%(?![0-9A-Fa-f]{2})", encoded) or USER.fullmatch(user) is None:
        raise _refuse('its user is not a name: write "alice@" or "alice%2Flaptop@" before the host')
    return user


def _host_in(written: str) -> Optional[str]:
    """The host in a link, or none; a zone follows "%25" (RFC 6874), or "%" as people paste it."""
    host = written[1:-1] if written.startswith("[") else written
    if host == written:
        if re.fullmatch("[0-9.]+", host):
            return host if _is_address(socket.AF_INET, host) else None
        return host if HOST.fullmatch(host) else None
    address, scoped, zone = host.partition("%")
    if not scoped:
        return host if _is_address(socket.AF_INET6, host) else None
    if len(zone) > 2 and zone.startswith("25"):
        if re.search("%(?![0-9A-Fa-f]{2})", zone):
            return None
        try:
            zone = urllib.parse.unquote(zone[2:], errors="strict")
        except UnicodeDecodeError:
            return None
    return "%s%%%s" % (address, zone) if _is_link_local(address) and ZONE.fullmatch(zone) else None


def _is_link_local(address: str) -> bool:
    if not _is_address(socket.AF_INET6, address):
        return False
    packed = socket.inet_pton(socket.AF_INET6, address)
    return packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def _read_host(written: str) -> str:
    host = _host_in(written)
    if host is None:
        raise _refuse("its host is not one: write a name, an IPv4 address or an IPv6 address in brackets")
    if _is_link_local(host):
        raise _refuse(
            "its host is a link-local address, which says nothing without an interface: write [fe80::…%25eth0], "
            "with the name of the one that leads there on the computer that knocks"
        )
    return host


def _read_key(text: Optional[str]) -> bytes:
    if text is None:
        raise _refuse("it has no key: copy the whole link")
    if re.fullmatch("[A-Za-z2-7]{52}", text):
        key = base64.b32decode(text.upper() + "====")
        # Every key has one spelling: the spare bits at the end are zero.
        if base64.b32encode(key).decode().rstrip("=") == text.upper():
            return key
    raise _refuse("its key is not 32 bytes of base32 (52 characters): copy the whole link")


def _read_opens(text: str) -> Tuple[Tuple[str, int, int], ...]:
    if text == "":
        return ()
    ranges = [_parse_range(part) for part in text.split(",")]
    if None in ranges:
        raise _refuse('its "opens" is not a list of ports: write "22/tcp"')
    return tuple(one for one in ranges if one is not None)


def format_link(profile: Profile) -> str:
    """Writes a link without the parameters that have their default."""
    standard = Profile("", "", "", b"")
    query = ["key=" + base64.b32encode(profile.key).decode().rstrip("=")]
    for name in ("lo", "hi", "n", "step", "proto"):
        value = getattr(profile, name)
        if value != getattr(standard, name):
            query.append("%s=%s" % (name, value))
    if profile.opens:
        shown = ["%s/%s" % (a if a == b else "%d-%d" % (a, b), proto) for proto, a, b in profile.opens]
        query.append("opens=" + ",".join(shown))
    address, scoped, zone = profile.host.partition("%")
    host = address + ("%25" + urllib.parse.quote(zone, safe="!~*'()") if scoped else "")
    host = "[%s]" % host if ":" in host else host
    user = urllib.parse.quote(profile.user, safe="!~*'()")
    return "rks1://%s@%s/%s?%s" % (user, host, profile.door, "&".join(query))


def pick_link(text: str) -> str:
    """The one link in pasted text: quoted, between words, wrapped by a mail program."""

    def bare(line: str) -> str:
        return re.sub(r"^[\"'`<(“‘«]+|[\"'`>)”’»,;\s]+$", "", re.sub(r"^[\s>|]+", "", line))

    found = len(re.findall("rks1://", text, re.I))
    if found > 1:
        raise _refuse("there are %d links: give it one at a time, each under a name of its own" % found)
    lines = re.split(r"[\r\n]+", text)
    if found == 0:
        for line in lines:
            if bare(line) != "":
                return bare(line)
        raise _refuse("standard input is empty: paste the link, or pipe it in")
    first = next(i for i, line in enumerate(lines) if re.search("rks1://", line, re.I))
    begun = re.search("rks1://", lines[first], re.I)
    assert begun is not None
    parts = [bare(lines[first][begun.start() :].split()[0])]
    for line in lines[first + 1 :]:
        part = bare(line)
        if PART.fullmatch(part) is None:
            break
        parts.append(part)
    return "".join(parts)


# --- Files: the folders of `sallyport knock` -----------------------------------------------------------------


def _known_home() -> str:
    """Of this system's list of users; of the user's variables on Windows."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_dir
    except ImportError:
        return os.path.expanduser("~")
    except KeyError:
        return ""


def _base(variable: str, fallback: str) -> str:
    named = os.environ.get(variable, "")
    if os.path.isabs(named):
        return named
    # A relative one would put keys and slots wherever this is started.
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):
        home = _known_home()
    if os.path.isabs(home):
        return os.path.join(home, *fallback.split("/"))
    raise KnockError(
        "Cannot find your home folder: HOME names none, and neither does this system's list of users: set HOME, or "
        + variable
    )


def profiles_folder() -> str:
    """One link in each file, mode 0600, named after the profile."""
    return os.path.join(_base("XDG_CONFIG_HOME", ".config"), "sallyport", "profiles")


def slots_folder() -> str:
    """The used slots: empty files, in a folder for each key, door and step."""
    return os.path.join(_base("XDG_STATE_HOME", ".local/state"), "sallyport", "slots")


def _is_name(text: str) -> bool:
    # Shorter than a key in base32, so that a key typed in place of a name is never quoted.
    return re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,31}", text) is not None


def _check_name(name: str, action: str) -> None:
    if not _is_name(name):
        raise KnockError(
            "Cannot %s: its name is not valid: use up to 32 letters, digits, "
            '".", "_" and "-", a letter or digit first' % action,
            USAGE,
        )


def list_profiles(folder: Optional[str] = None) -> List[str]:
    """The names of all saved profiles, sorted; empty where the folder is missing."""
    folder = folder or profiles_folder()
    try:
        return sorted(name for name in os.listdir(folder) if _is_name(name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KnockError(
            "Cannot read %s: %s: make it a folder of yours with mode 0700" % (folder, error.strerror), CONFIG
        ) from error


def read_profile(name: str, folder: Optional[str] = None) -> Profile:
    """Reads a saved profile; a file that others can read is refused."""
    _check_name(name, "find the profile")
    folder = folder or profiles_folder()
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            # Checks the open file, not its path: the path may name another file a moment later.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise KnockError("Cannot use %s: it is no file: move it away" % path, CONFIG)
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise KnockError(
                    'Cannot use %s: other users of this computer can read the key in it: run "chmod 600 %s", '
                    "and have the key replaced if one may have" % (path, path),
                    CONFIG,
                )
            link = file.read(LINK_BYTES + 1)
    except FileNotFoundError:
        saved = list_profiles(folder)
        known = "saved are " + ", ".join(saved) if saved else "no profile is saved"
        raise KnockError(
            'Cannot find the profile "%s": %s: save its link with "%s --save %s"; for a fixed sequence, '
            "name the ports after the host" % (name, known, NAME, name),
            USAGE,
        ) from None
    except IsADirectoryError:
        raise KnockError("Cannot use %s: it is no file: move it away" % path, CONFIG) from None
    except OSError as error:
        raise KnockError(
            "Cannot read %s: %s: make it a file of yours with mode 0600" % (path, error.strerror), CONFIG
        ) from error
    try:
        return parse_link(link)
    except KnockError as error:
        raise KnockError("Cannot use %s: %s" % (path, error), CONFIG) from None


def _place_new(draft: str, path: str) -> None:
    """Gives a file its name, which must be free."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links here, as on Android and on sticks: the name is taken first
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(draft, path)
        except OSError:
            os.unlink(path)
            raise


def save_profile(name: str, profile: Profile, replace: bool = False, folder: Optional[str] = None) -> str:
    """Saves a profile (file 0600, folders 0700) and returns its path; the file appears whole or not at all."""
    _check_name(name, "save the profile")
    folder = folder or profiles_folder()
    path = os.path.join(folder, name)
    draft = os.path.join(folder, "." + str(uuid.uuid4()))
    try:
        _make_folder(folder)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(format_link(profile) + "\n")
        if replace:
            os.replace(draft, path)
        else:
            _place_new(draft, path)
    except FileExistsError:
        raise KnockError(
            'Cannot save the profile "%s": %s exists: add --force to replace it, or choose another name' % (name, path)
        ) from None
    except OSError as error:
        raise KnockError(
            'Cannot save the profile "%s": %s: make %s writable, or name another folder in XDG_CONFIG_HOME'
            % (name, error.strerror, folder)
        ) from error
    finally:
        if os.path.exists(draft):
            os.unlink(draft)
    return path


def _make_folder(folder: str) -> None:
    """Makes each missing folder with mode 0700; makedirs would give that mode only to the last."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folder(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise


class SlotFiles:
    """Used slots as empty files: creating a file exclusively claims its slot, so two knocks never share one."""

    def __init__(self, root: Optional[str] = None):
        self._root = root or slots_folder()

    def _name(self, profile: Profile) -> str:
        message = b"sallyport client slots\0" + profile.door.encode()
        return os.path.join(self._root, hmac.new(profile.key, message, hashlib.sha256).hexdigest()[:32])

    def _folder(self, profile: Profile) -> str:
        return os.path.join(self._name(profile), "%ds" % profile.step)

    def _error(
        self, operation: str, path: str, error: OSError, why: str = "a slot must be remembered before it is used: "
    ) -> KnockError:
        return KnockError(
            "Cannot %s %s: %s: %smake the folder writable, or name another in XDG_STATE_HOME"
            % (operation, path, errno.errorcode.get(error.errno or 0, str(error)), why)
        )

    def _read(self, folder: str) -> List[int]:
        try:
            return [int(name) for name in os.listdir(folder) if re.fullmatch("[0-9]{1,15}", name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error("read the slots used in", folder, error) from error

    def last(self, profile: Profile) -> Optional[int]:
        return max(self._read(self._folder(profile)), default=None)

    def claim(self, profile: Profile, slot: int) -> bool:
        folder = self._folder(profile)
        path = os.path.join(folder, str(slot))
        try:
            _make_folder(folder)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        except OSError as error:
            raise self._error("write", path, error) from error
        slots = sorted(self._read(folder))
        for old in slots[:-SLOTS_KEPT]:
            try:
                os.unlink(os.path.join(folder, str(old)))
            except OSError:
                pass  # another knock cleared it away
        return slot > slots[-1] - SLOTS_KEPT

    def forget_ahead(self, profile: Profile, now: float) -> None:
        """Forgets those that no knock may use yet: the server may have believed the knocks of all others."""
        path = self._name(profile)
        try:
            lengths = [int(name[:-1]) for name in os.listdir(path) if re.fullmatch("[1-9][0-9]{0,4}s", name)]
            for step in lengths:
                folder = os.path.join(path, "%ds" % step)
                for slot in self._read(folder):
                    if slot > now // step + SLOTS_AHEAD:
                        os.unlink(os.path.join(folder, str(slot)))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._error("forget the slots used in", path, error, "") from error


def _roughly(seconds: int) -> str:
    if seconds < 120:
        return "%d seconds" % seconds
    if seconds < 7200:
        return "%d minutes" % math.floor(seconds / 60 + 0.5)
    if seconds < 172800:
        return "%d hours" % math.floor(seconds / 3600 + 0.5)
    return "%d days" % math.floor(seconds / 86400 + 0.5)


def _format_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def take_slot(profile: Profile, slots: SlotFiles, now: float) -> Tuple[Optional[int], float]:
    """(slot, 0) with the slot marked used, or (None, seconds to wait before the next call)."""
    while True:
        kind, value = choose_slot(int(now // profile.step), slots.last(profile))
        if kind == "wait":
            return None, value * profile.step - now
        if kind == "clock":
            raise KnockError(
                "Cannot knock for %s on %s: the last knock from here was %s ahead of this computer's clock (%s): set "
                'the clock right; if it is right now and was wrong then, run "%s --forget PROFILE" once'
                % (profile.door, profile.host, _roughly(value * profile.step), _format_time(now), NAME)
            )
        if slots.claim(profile, value):
            return value, 0


# --- Network ------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """A literal address to knock on, as the resolver gave it."""

    address: str
    family: int
    scope: int = 0

    def at(self, port: int) -> tuple:
        return (self.address, port) if self.family == socket.AF_INET else (self.address, port, 0, self.scope)


def _zones() -> Dict[str, str]:
    """Interfaces through which link-local addresses can be reached: name and number of each."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii", errors="replace") as table:
            rows = [line.split() for line in table]
        found = sorted((int(row[1], 16), row[5]) for row in rows if len(row) == 6 and row[3] == "20")
    except OSError:
        found = [(index, name) for index, name in socket.if_nameindex()]
    return {name: str(index) for index, name in found}


def _missing_zone(host: str) -> Optional[str]:
    """Why `host` cannot be knocked on from here without an interface."""
    address, scoped, zone = host.partition("%")
    if not _is_link_local(address):
        return None
    zones = _zones()
    if not scoped:
        remedy = "%s%%%s" % (host, " or %".join(zones)) if zones else "%s%%eth0, with its name, and bring it up" % host
        return "a link-local address says nothing without the interface that leads there: write " + remedy
    if zone in zones or zone in zones.values():
        return None
    remedy = "write %s in its place" % " or ".join(zones) if zones else "bring it up"
    return "no interface %s of this computer is up with a link-local address: %s" % (zone, remedy)


def _check_zone(host: str) -> None:
    reason = _missing_zone(host)
    if reason is not None:
        raise KnockError("Cannot knock on %s: %s" % (host, reason))


def find_targets(host: str, family: Optional[int] = None) -> List[Target]:
    """Addresses with a route, families taken in turn, the resolver's first one first. `family` is 4 or 6."""
    bracketed = "[%s]" % host if ":" in host and not host.startswith("[") else host
    host = _host_in(bracketed) or re.sub(r"^\[(.*)\]$", r"\1", host)
    _check_zone(host)
    try:
        found = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        unknown = isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        reason = "no such name" if unknown else getattr(error, "strerror", None) or str(error)
        raise KnockError("Cannot look up %s: %s: check its spelling and this computer's DNS" % (host, reason)) from None
    targets: List[Target] = []
    for kind, _, _, _, where in found:
        if kind in (socket.AF_INET, socket.AF_INET6):
            scope = int(where[3]) if kind == socket.AF_INET6 else 0
            target = Target(host if "%" in host else str(where[0]).split("%")[0], kind, scope)
            if target not in targets:
                targets.append(target)
    wanted = [one for one in targets if family is None or one.family == (socket.AF_INET6 if family == 6 else socket.AF_INET)]
    if not wanted:
        raise KnockError("Cannot knock on %s over IPv%s: it has no such address: leave out -%s" % (host, family, family))
    routed = [one for one in wanted if _has_route(one)]
    if not routed:
        for one in wanted:
            if one.scope == 0:
                _check_zone(one.address)  # a name may have one without its interface
        addresses = ", ".join(one.address for one in wanted)
        raise KnockError(
            "Cannot knock on %s: this computer has no route to %s: connect it to a network that does" % (host, addresses)
        )
    first = [one for one in routed if one.family == routed[0].family]
    second = [one for one in routed if one.family != routed[0].family]
    rounds = max(len(first), len(second))
    return [part[i] for i in range(rounds) for part in (first, second) if i < len(part)]


def _has_route(target: Target) -> bool:
    try:
        with socket.socket(target.family, socket.SOCK_DGRAM) as asked:
            asked.connect(target.at(9))  # asks the kernel and sends nothing
        return True
    except OSError:
        return False


def _begin(target: Target, port: int) -> Tuple[socket.socket, int]:
    """A connection under way: its SYN has left."""
    begun = socket.socket(target.family, socket.SOCK_STREAM)
    begun.setblocking(False)
    return begun, begun.connect_ex(target.at(port))


def send_knocks(target: Target, knocks: Sequence[Tuple[str, int]], gap_ms: int) -> None:
    """One SYN or one datagram each, in this order, `gap_ms` apart; any answer is ignored."""
    begun: List[socket.socket] = []
    try:
        for i, (proto, port) in enumerate(knocks):
            if i > 0 and gap_ms > 0:
                time.sleep(gap_ms / 1000)
            if proto == "tcp":
                begun.append(_begin(target, port)[0])
                # Windows sends the SYN a moment after connect(); elsewhere it has left, and must not be repeated.
                if os.name != "nt":
                    begun.pop().close()
            else:
                try:
                    with socket.socket(target.family, socket.SOCK_DGRAM) as sender:
                        sender.sendto(b"\0", target.at(port))
                except OSError as error:
                    raise KnockError(
                        "Cannot send a UDP knock to %s: %s: check this computer's network and its own firewall"
                        % (target.address, error.strerror)
                    ) from error
        if begun:
            time.sleep(0.1)
    finally:
        for one in begun:
            one.close()


class _Probes:
    """Connections to one port; any of them may open at any time. The first may leave before the knock."""

    def __init__(self, target: Target, port: int):
        self._target, self._port = target, port
        self._pending: Dict[socket.socket, float] = {}  # with the time of giving it up
        self._first: Optional[socket.socket] = None
        self.before = "silent"  # what the one before the knock met
        self.refused = False  # whether one after the knock was

    def start(self) -> None:
        self._begin(math.inf)

    def start_before(self) -> None:
        self._begin(time.monotonic() + LIFE_S, True)

    def _begin(self, until: float, first: bool = False) -> None:
        begun, code = _begin(self._target, self._port)
        if first:
            self._first = begun
        if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)):
            self._pending[begun] = until
        else:
            self._ended(begun, code)

    def _ended(self, one: socket.socket, code: int) -> None:
        if one is self._first:
            self.before = "open" if code == 0 else "refused"
        elif code != 0:
            self.refused = True
        if code != 0:
            one.close()

    def wait(self, until: float) -> Optional[socket.socket]:
        """The first connection that opens before `until` (monotonic seconds); the caller owns it."""
        while True:
            now = time.monotonic()
            for one in [one for one, end in self._pending.items() if end <= now]:
                del self._pending[one]
                one.close()
            if now >= until:
                return None
            pending = list(self._pending)
            wake = min([until] + list(self._pending.values()))
            if not pending:
                time.sleep(wake - now)
                continue
            # A refused connection shows as an exception on Windows.
            _, ready, broken = select.select([], pending, pending, wake - now)
            for one in ready + [one for one in broken if one not in ready]:
                del self._pending[one]
                code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                self._ended(one, code)
                if code == 0:
                    return one
            if self._first is not None and self._first in ready + broken and len(pending) == 1:
                return None  # the probe before the knock has its answer: the knock need not wait

    def end(self) -> None:
        for one in self._pending:
            one.close()
        self._pending = {}


# --- Knock --------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """How a knock ended; times in milliseconds. `connection` belongs to the caller, where requested."""

    state: str  # "open", "sent", "refused", "silent"
    target: Target
    attempts: int
    elapsed_ms: float
    since_knock_ms: float
    port: Optional[int] = None
    before: Optional[str] = None  # what the port answered before the first knock
    connection: Optional[socket.socket] = None


PROBES_AT = (0.005, 0.040, 0.120, 0.300, 0.700, 1.200)  # seconds after the knock; then one every second


def first_tcp_port(profile: Profile) -> Optional[int]:
    """The TCP port that a client can wait for."""
    return next((first for proto, first, _ in profile.opens if proto == "tcp"), None)


def knock(
    profile: Profile,
    *,
    family: Optional[int] = None,
    tries: int = 3,
    delay_ms: int = 0,
    wait_port: Optional[int] = None,
    wait: bool = True,
    timeout_s: float = 2.0,
    keep_connection: bool = False,
    slots: Optional[SlotFiles] = None,
    report: Callable[[str, dict], None] = lambda kind, facts: None
) -> Outcome:
    """Knocks at a profile's door until the port answers, `tries` times at most, each in a slot of its own.

    A slot is claimed before its first packet leaves. Throws a KnockError where nothing could be sent.
    """
    store = slots or SlotFiles()

    def next_knock(now: float) -> Tuple[Optional[List[Tuple[str, int]]], float]:
        slot, wait_s = take_slot(profile, store, now)
        if slot is None:
            return None, wait_s
        ports = sequence_ports(profile.key, profile.door, profile.lo, profile.hi, profile.n, slot)
        return [(profile.proto, port) for port in sending_order(ports)], 0

    port = None if not wait else first_tcp_port(profile) if wait_port is None else wait_port
    return _attempt(profile.host, family, next_knock, tries, delay_ms, port, timeout_s, keep_connection, report)


def knock_fixed(
    host: str,
    sequence: Sequence[Tuple[str, int]],
    *,
    family: Optional[int] = None,
    tries: int = 3,
    delay_ms: int = FIXED_GAP_MS,
    wait_port: Optional[int] = None,
    timeout_s: float = 2.0,
    keep_connection: bool = False,
    report: Callable[[str, dict], None] = lambda kind, facts: None
) -> Outcome:
    """Sends a fixed sequence of ("tcp", 7000) in order; once, unless there is a port to wait for."""

    def same(now: float) -> Tuple[Optional[List[Tuple[str, int]]], float]:
        return list(sequence), 0

    return _attempt(host, family, same, tries, delay_ms, wait_port, timeout_s, keep_connection, report)


def sending_order(ports: Sequence[int]) -> List[int]:
    """Every port twice: all in random order, then all again with the halves of that order shuffled anew."""
    first = random.sample(list(ports), len(ports))
    half = len(first) // 2
    return first + random.sample(first[:half], half) + random.sample(first[half:], len(first) - half)


def _await_open(probes: _Probes, timeout_s: float) -> Tuple[Optional[socket.socket], str]:
    """The first connection that opens, and the answer of the port; ends the probes."""
    begun = time.monotonic()
    times = [at for at in PROBES_AT if at < timeout_s]
    while times[-1] >= PROBES_AT[-1] and times[-1] + 1 < timeout_s:
        times.append(times[-1] + 1)
    try:
        for at in times + [timeout_s]:
            while time.monotonic() < begun + at:
                stands = probes.wait(begun + at)
                if stands is not None:
                    return stands, "open"
            if at < timeout_s:
                probes.start()
        return None, "refused" if probes.refused else "silent"
    finally:
        probes.end()


def _attempt(host, family, next_knock, tries, delay_ms, port, timeout_s, keep_connection, report) -> Outcome:
    started = knocked = time.monotonic()
    targets = find_targets(host, family)
    seen: Dict[str, Tuple[Target, str, str]] = {}

    def ended(state: str, target: Target, attempts: int, before: Optional[str] = None, stands: Optional[socket.socket] = None) -> Outcome:
        now = time.monotonic()
        if stands is not None and not keep_connection:
            stands.close()
            stands = None
        return Outcome(state, target, attempts, (now - started) * 1000, (now - knocked) * 1000, port, before, stands)

    def changed() -> bool:
        return any(before == "silent" and after == "refused" for _, before, after in seen.values())

    def failed(attempts: int) -> Outcome:
        all_seen = list(seen.values())
        telling = [one for one in all_seen if one[1:] == ("silent", "refused")][:1]
        telling += [one for one in reversed(all_seen) if one[2] == "refused"][:1] + all_seen[-1:]
        target, before, after = telling[0]
        return ended(after if after == "refused" else "silent", target, attempts, before)

    attempt = 0
    while True:
        target = targets[attempt % len(targets)]
        attempt += 1
        known = seen.get(target.address)
        probed, told = port is None, False
        while True:
            knocks, wait_s = next_knock(time.time())
            if knocks is not None:
                break
            if changed():
                return failed(attempt - 1)
            if not probed:
                # Slots run out when somebody connects often; the door of the last knock is then still open.
                stands, _ = _await_open(_Probes(target, port), max(0.01, min(wait_s, timeout_s)))
                if stands is not None:
                    return ended("open", target, attempt - 1, known[1] if known else "open", stands)
                probed = True
                continue
            if not told:
                report("waiting", {"wait_s": wait_s})
                told = True
            time.sleep(min(wait_s, 1))  # the clock may be set meanwhile, and another knock may take the slot
        if port is None:
            knocked = time.monotonic()
            send_knocks(target, knocks, delay_ms)
            report("knocked", {"attempt": attempt, "target": target})
            return ended("sent", target, attempt)
        probes = _Probes(target, port)
        probes.start_before()
        stands = probes.wait(time.monotonic() + LEAD_S)
        knocked = time.monotonic()
        try:
            send_knocks(target, knocks, delay_ms)
        except KnockError:
            probes.end()
            raise
        report("knocked", {"attempt": attempt, "target": target})
        after = "open"
        if stands is None:
            stands, after = _await_open(probes, timeout_s)
        was = known[1] if known else probes.before
        if stands is not None:
            return ended("open", target, attempt, was, stands)
        seen[target.address] = (target, was, after)
        report("refused" if after == "refused" else "silent", {"attempt": attempt, "target": target})
        if attempt >= tries:
            return failed(attempt)


# --- Messages: those of `sallyport knock` ---------------------------------------------------------------------


def describe(profile: Profile, outcome: Outcome) -> str:
    """One line for a person on how a knock ended. It never has a port of a sequence or a key in it."""
    what = "%s on %s" % (profile.door, profile.host)
    if outcome.state in ("open", "sent"):
        return _opened(what, outcome)
    checks = "this computer's clock (%s), the network (%s to ports %d-%d may be filtered)" % (
        _format_time(time.time()),
        profile.proto.upper(),
        profile.lo,
        profile.hi,
    )
    return _failed(what, outcome, checks)


def _describe_fixed(host: str, outcome: Outcome) -> str:
    if outcome.state in ("open", "sent"):
        return _opened(host, outcome)
    return _failed(
        host,
        outcome,
        "the sequence and its order, the network (the knocked ports may be filtered, or knocks overtake each other: try --delay 100)",
    )


def _opened(what: str, outcome: Outcome) -> str:
    where = what if what.endswith(outcome.target.address) else "%s (%s)" % (what, outcome.target.address)
    if outcome.state == "sent":
        return where + ": knock sent, without waiting for an answer"
    if outcome.attempts == 0:
        return "%s: %d/tcp is open already" % (where, outcome.port)
    if outcome.before == "open":
        return "%s: %d/tcp is open, and was open before the knock: from here nobody can tell whether the knock was believed" % (where, outcome.port)
    retried = "" if outcome.attempts == 1 else ", at knock %d" % outcome.attempts
    return "%s: %d/tcp open after %d ms%s" % (where, outcome.port, math.ceil(outcome.since_knock_ms), retried)


def _failed(what: str, outcome: Outcome, checks: str) -> str:
    sent = "1 knock sent" if outcome.attempts == 1 else "%d knocks sent" % outcome.attempts
    ask = 'on the server, "sallyport why" with the address you come from'
    port = outcome.port
    if outcome.state == "silent":
        return "Cannot open %s: %s and %d/tcp still does not answer: check %s and, %s" % (what, sent, port, checks, ask)
    if outcome.before == "silent":
        said = "%d/tcp, silent before, refuses now: the door may be open and nothing answers behind it: check that the service runs there" % port
    else:
        said = (
            "%d/tcp refuses as it did before: either the door did not open, or nothing answers behind it: check that the service runs there, %s"
            % (port, checks)
        )
    return "Cannot reach %s: %s and %s and, %s" % (what, sent, said, ask)


# --- Command line ---------------------------------------------------------------------------------------------


def _note(line: str) -> None:
    print("%s: %s" % (NAME, line), file=sys.stderr)


def _reporter(verbose: bool) -> Callable[[str, dict], None]:
    def report(kind: str, facts: dict) -> None:
        # A wait is always told, because it looks like hanging.
        if kind == "waiting":
            _note("waiting %d s for a new slot: each opens only once" % math.ceil(facts["wait_s"]))
        elif verbose:
            attempt, address = facts["attempt"], facts["target"].address
            if kind == "knocked":
                _note("knock %d sent to %s" % (attempt, address))
            elif kind == "refused":
                _note("knock %d: %s refuses the connection" % (attempt, address))
            else:
                _note("knock %d: no answer from %s" % (attempt, address))

    return report


class _TerminalGivenBack:
    """Lets the terminal show what is typed while this process is stopped (ctrl-Z), and after a SIGTERM."""

    def __init__(self, terminal: int):
        self._terminal = terminal

    def __enter__(self) -> None:
        if os.name == "posix":
            self._shown = termios.tcgetattr(self._terminal)
            self._before = {one: signal.signal(one, self._on_signal) for one in (signal.SIGTSTP, signal.SIGTERM)}

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            print(file=sys.stderr)  # getpass ends its line only after an answer
        if os.name == "posix":
            for one, handler in self._before.items():
                signal.signal(one, handler)

    def _on_signal(self, number: int, _: object) -> None:
        hidden = termios.tcgetattr(self._terminal)
        termios.tcsetattr(self._terminal, termios.TCSANOW, self._shown)
        print(file=sys.stderr, flush=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on here once somebody continues it
        signal.signal(number, self._on_signal)
        termios.tcsetattr(self._terminal, termios.TCSANOW, hidden)
        print(LINK_PROMPT, end="", file=sys.stderr, flush=True)


def _read_link() -> str:
    if sys.stdin is None:
        raise _refuse("standard input is closed: pipe the link in")
    if sys.stdin.isatty():
        with _TerminalGivenBack(sys.stdin.fileno()):
            try:
                return pick_link(getpass.getpass(LINK_PROMPT))
            except EOFError:  # ctrl-D
                return pick_link("")
    try:
        text = sys.stdin.buffer.read(LINK_BYTES + 1)
    except OSError as error:
        raise _refuse("standard input: %s: pipe the link in" % error.strerror) from None
    if len(text) > LINK_BYTES:
        raise _refuse("standard input is longer than any link: give it the link alone")
    return pick_link(text.decode("utf-8", "replace"))


def _refuse_link(argument: str) -> None:
    if re.search(r"^rks\d|://|key=", argument, re.I):
        raise KnockError(
            "Cannot use a link on the command line: other users can see it there: "
            'pipe it in and write "-", or store it with "%s --save NAME"' % NAME,
            USAGE,
        )


def _check_host(host: str) -> None:
    """Before it is looked up: name servers would read a key. It is quoted nowhere."""
    if re.fullmatch("[a-z2-7]{52}=*", host, re.I):
        raise KnockError(
            "Cannot look up the host: it looks like a key: write a host there, and save the whole link with "
            '"%s --save NAME"' % NAME,
            USAGE,
        )
    if re.search(r"\A\Z|[\s\x00-\x1f\x7f-\x9f/@]|\A[^:]*:[^:]*\Z", host):
        raise KnockError(
            "Cannot look up the host: it is none: write a name or an address alone, without a user or a port", USAGE
        )


def _open_profile(argument: str) -> Profile:
    if argument == "-":
        return parse_link(_read_link())
    _refuse_link(argument)
    return read_profile(argument)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        both = re.fullmatch(r"argument (\S+): not allowed with argument (\S+)", message)
        if both:
            one, other = (option.split("/")[-1] for option in both.groups())
            raise KnockError(
                "Cannot read the command line: %s cannot be used with %s: give one of them" % (one, other), USAGE
            )
        # Quotes no argument: a link torn apart by the shell may be among them.
        said = message if message.startswith("argument ") else message.split(":")[0]
        raise KnockError('Cannot read the command line: %s: see "%s --help"' % (said, NAME), USAGE)


class _Once(argparse.Action):
    """A second value would silently take the place of the first."""

    def __call__(self, parser, namespace, values, option_string=None):  # type: ignore[no-untyped-def]
        given = vars(namespace).setdefault("given", set())
        if self.dest in given:
            raise KnockError(
                "Cannot read the command line: %s is given twice: give it once" % self.option_strings[-1], USAGE
            )
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if re.fullmatch("[0-9]{1,6}", text) and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError("Write a whole number from %d to %d." % (least, most))

    return read


def _duration(text: str) -> float:
    found = re.fullmatch("([0-9]{1,9})(ms|s|m|h|d)", text)
    if found:
        seconds = int(found.group(1)) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[found.group(2)]
        if 0.1 <= seconds <= 60:
            return seconds
    raise argparse.ArgumentTypeError('Write a duration from "100ms" to "1m".')


def _parser() -> _Parser:
    parser = _Parser(prog=NAME, allow_abbrev=False, description="Knock at a door and wait until it answers")
    parser.add_argument("profile", nargs="?", help='saved profile, "-" (link on standard input), or a host')
    parser.add_argument("ports", nargs="*", help="fixed sequence for a host: 7000 8000:udp 9000/tcp")
    families = parser.add_mutually_exclusive_group()
    families.add_argument("-4", "--ipv4", action="store_const", const=4, dest="family", help="knock over IPv4 only")
    families.add_argument("-6", "--ipv6", action="store_const", const=6, dest="family", help="knock over IPv6 only")
    parser.add_argument("-d", "--delay", action=_Once, type=_whole(0, 60000), metavar="MS", help="pause between two packets")
    parser.add_argument("-u", "--udp", action="store_true", help="send the whole fixed sequence over UDP")
    waits = parser.add_mutually_exclusive_group()
    waits.add_argument("--wait", action=_Once, type=_whole(1, 65535), metavar="PORT", help="TCP port to wait for")
    waits.add_argument("--no-wait", action="store_true", help="knock once and do not wait for an answer")
    parser.add_argument("--tries", action=_Once, type=_whole(1, 20), default=3, metavar="N", help="knocks at most (default: 3)")
    parser.add_argument("--timeout", action=_Once, type=_duration, default=2.0, metavar="DURATION", help="how long each knock waits for the answer (default: 2s)")
    works = parser.add_mutually_exclusive_group()
    works.add_argument("--save", action=_Once, metavar="NAME", help="store a link, read from standard input, under a name")
    parser.add_argument("--force", action="store_true", help="let --save replace a stored link")
    works.add_argument("--forget", action=_Once, metavar="PROFILE", help="forget the slots used by a clock that was ahead")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what happens")
    return parser


def _read_sequence(words: Sequence[str], udp: bool) -> List[Tuple[str, int]]:
    sequence = []
    for word in words:
        found = _parse_range(word)
        if found is None or found[1] != found[2]:
            # Longer words are not quoted: a link torn apart by the shell may be among them.
            shown = ' "%s"' % word if len(word) <= 12 else ""
            raise KnockError("Cannot read the port%s: write 7000, 8000:udp or 8000/udp, from 1 to 65535" % shown, USAGE)
        sequence.append(("udp" if udp else found[0], found[1]))
    return sequence


def _nothing_to_knock() -> KnockError:
    saved = list_profiles()
    if not saved:
        return KnockError('Cannot knock: no profile is named: save one with "%s --save NAME", or name a host and its ports' % NAME, USAGE)
    return KnockError("Cannot knock: no profile is named: name one of " + ", ".join(saved), USAGE)


def _print_outcome(facts: dict, outcome: Outcome, as_json: bool, line: str) -> None:
    if as_json:
        facts = dict(facts, state=outcome.state, address=outcome.target.address)
        if outcome.port is not None:
            facts.update(port=outcome.port, before=outcome.before)
        facts["attempts"] = outcome.attempts
        facts["sinceKnockMs"] = math.ceil(outcome.since_knock_ms)
        facts["elapsedMs"] = math.ceil(outcome.elapsed_ms)
        print(json.dumps(facts, indent=2))
    elif outcome.state in ("open", "sent"):
        print(line)
    if outcome.state not in ("open", "sent"):
        raise KnockError(line)


def _knock_profile(options: argparse.Namespace) -> None:
    if options.udp:
        raise KnockError("Cannot use --udp with a profile: the profile says which protocol its door hears", USAGE)
    profile = _open_profile(options.profile)
    delay_ms = options.delay or 0
    seconds = (profile.n * COPIES - 1) * delay_ms / 1000
    if seconds > WINDOW_SECONDS:
        _note(
            "with this delay a knock takes %d s, and servers wait %d s for the whole of it unless told otherwise: use a smaller --delay"
            % (math.ceil(seconds), WINDOW_SECONDS)
        )
    if not options.no_wait and options.wait is None and first_tcp_port(profile) is None:
        _note("the link of %s names no TCP port to wait for: sending one knock" % profile.door)
    outcome = knock(
        profile,
        family=options.family,
        tries=options.tries,
        delay_ms=delay_ms,
        wait_port=options.wait,
        wait=not options.no_wait,
        timeout_s=options.timeout,
        report=_reporter(options.verbose),
    )
    _print_outcome({"host": profile.host, "door": profile.door}, outcome, options.json, describe(profile, outcome))


def _note_profile(host: str, sequence: Sequence[Tuple[str, int]]) -> None:
    """A profile's name with ports behind it is a host's, which is seldom meant."""
    try:
        if not _is_name(host) or not os.path.lexists(os.path.join(profiles_folder(), host)):
            return
    except KnockError:
        return  # a host needs no home folder
    wait = " --wait %d" % sequence[0][1] if len(sequence) == 1 and sequence[0][0] == "tcp" else ""
    _note(
        'with ports behind it, "%s" is a host: to knock with the profile of that name, run "%s %s%s"'
        % (host, NAME, host, wait)
    )


def _knock_host(options: argparse.Namespace) -> None:
    _refuse_link(options.profile)  # before its name is looked up: name servers would read the key
    _check_host(options.profile)
    sequence = _read_sequence(options.ports, options.udp)
    _note_profile(options.profile, sequence)
    outcome = knock_fixed(
        options.profile,
        sequence,
        family=options.family,
        tries=options.tries,
        delay_ms=FIXED_GAP_MS if options.delay is None else options.delay,
        wait_port=None if options.no_wait else options.wait,
        timeout_s=options.timeout,
        report=_reporter(options.verbose),
    )
    _print_outcome({"host": options.profile}, outcome, options.json, _describe_fixed(options.profile, outcome))


def _save(options: argparse.Namespace) -> None:
    if options.profile not in (None, "-"):
        raise KnockError(
            "Cannot save a link from the command line: other users could see it there: leave it out, and paste or pipe it in when asked",
            USAGE,
        )
    # Checked before the link is asked for, so that nobody has to paste it twice.
    _check_name(options.save, "save the profile")
    profile = parse_link(_read_link())
    path = save_profile(options.save, profile, options.force)
    print("Saved %s on %s in %s" % (profile.door, profile.host, path))
    reason = _missing_zone(profile.host)
    if reason is not None:
        _note("%s cannot be knocked on as it is: %s" % (profile.host, reason))
    print("Knock with: %s %s" % (NAME, options.save))


def _forget(options: argparse.Namespace) -> None:
    if options.profile is not None:
        raise KnockError("Cannot forget slots: more than one profile is named: name one, behind --forget", USAGE)
    profile = _open_profile(options.forget)
    SlotFiles().forget_ahead(profile, time.time())
    print("Forgot the slots used ahead of this computer's clock for %s on %s" % (profile.door, profile.host))


def _run(argv: Optional[Sequence[str]]) -> int:
    try:
        options = _parser().parse_intermixed_args(argv)
        if options.force and options.save is None:
            raise KnockError(
                "Cannot read the command line: --force is for --save, and there is none: leave it out, or add --save NAME",
                USAGE,
            )
        if options.save is not None:
            _save(options)
        elif options.forget is not None:
            _forget(options)
        elif options.profile is None:
            raise _nothing_to_knock()
        elif options.ports:
            _knock_host(options)
        else:
            _knock_profile(options)
        return OK
    except KnockError as error:
        _note(str(error))
        return error.exit_code
    except SystemExit as ended:
        return int(ended.code or OK)  # the help, which may not have been written yet
    except KeyboardInterrupt:
        return 130


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs the command line and returns its exit code."""
    code = OK
    # Closed ones are None, and what is opened next would get their numbers.
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    os.umask(os.umask(0o077) & 0o077)  # a folder whose owner lacks rights is of no use
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_output()  # who stopped reading did not undo what was done
    except OSError as error:
        _note("Cannot write the output: %s" % error.strerror)
        _give_up_output()
        code = FAILURE
    return code


def _give_up_output() -> None:
    """The interpreter would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
