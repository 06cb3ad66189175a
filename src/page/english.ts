/** What the page says in English. */

import type { Texts } from "./texts.ts";

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} hours`
    : `${Math.round(seconds / 86_400)} days`;
}

const NETWORK =
  "The browser may keep pages from devices of your own network. Allow it where it asks, or in its settings for this page.";

export const ENGLISH: Texts = {
  labels: {
    addTitle: "Add a door",
    addHint:
      "Paste the link that you were given for this device. Its key stays in this browser, where nobody can read it again.",
    link: "Link",
    add: "Add",
    scan: "Scan a QR code",
    stopScan: "Stop the camera",
    scanHint: "Hold the QR code in front of the camera.",
    cancel: "Cancel",
    addAnother: "Add another door",
    doors: "Doors",
    settings: "About this door",
    launch: "Go there as soon as it is open",
    remove: "Remove",
    keep: "Keep",
    forget: "Forget the last knock",
    promise: "This page loads nothing, and talks to nobody but the hosts that you add.",
    language: "Language",
    history:
      "The link came in the address of this page. It is gone from there, but the history of this browser may remember it: delete the entry.",
  },
  knock: "Knock",
  again: "Knock again",
  looking: "Looking…",
  knocking: "Knocking…",
  waiting: (seconds) => `In ${seconds}\u00a0s`,
  slotLeft: (seconds) => `New sequence in ${seconds}\u00a0s`,
  waitReason: (skipped) =>
    skipped
      ? "The present sequence has a port that browsers never call. The knock leaves with the next one."
      : "Each sequence opens once, and those of this moment are used. The knock leaves with the next one.",
  skipped:
    "The present sequence has a port that browsers never call: the next one was used in its place.",
  opens: (ports) => `Opens ${ports}`,
  added: (door, host) => `Added ${door} on ${host}.`,
  removed: (door, host) => `Removed ${door} on ${host}.`,
  removeQuestion: (door, host) =>
    `Remove ${door} on ${host}? Its key is deleted from this browser. To come back you need the link again.`,
  go: (scheme, place) => (scheme === "ssh" ? `Open ssh to ${place}` : `Open ${place}`),
  refusals: {
    noLink: "There is no link in this text. A link begins with rks1:// and names a host.",
    broken: "This link is damaged, or there are two of them. Copy one link again, the whole of it.",
    udp: "This door listens for UDP, which browsers cannot send. Ask for a door that listens for TCP, or use another client.",
    linkLocal:
      "This link names an address that counts in one network only (fe80::…), and browsers cannot reach it. Ask for a link with another address.",
  },
  noKeys:
    "This page came over plain http, where browsers keep no keys. Open it over https, or from a file.",
  noStore:
    "This browser keeps nothing for this page, as in a private window, or where another app shows the file. Open it in a browser window over https.",
  noCamera: "The camera cannot be used. Allow it for this page, or paste the link.",
  open: (host, port, ms) => ({
    title: "Open",
    text: `Port\u00a0${port} on ${host} answered ${(ms / 1_000).toFixed(1)}\u00a0s after the knock.`,
  }),
  openBefore: (host, port) => ({
    title: "Open",
    text: `Port\u00a0${port} on ${host} answers, and answered before the knock. Whether this knock was believed does not show.`,
  }),
  changed: (port, network) => ({
    title: "It answers now",
    text: `Port\u00a0${port} was silent before the knock and is not any more. What answers is no web page, so this page cannot see what it is.`,
    ...(network && { hints: [NETWORK] }),
  }),
  unclear: (port, network) => ({
    title: "Sent",
    text: `Port\u00a0${port} turns this page away, as it did before the knock. Pages can only talk to web pages: another service may be open behind it all the same. Try it.`,
    ...(network && { hints: [NETWORK] }),
  }),
  sent: (looks) => ({
    title: "Sent",
    text:
      looks === ""
        ? "The link names no port that this page could look at. Try what it opens."
        : `Browsers let no page look at port\u00a0${looks}, so the outcome does not show here. Try it now.`,
  }),
  silent: (port, { now, stepSeconds, range, network }) => ({
    title: "Silent",
    text: `Port\u00a0${port} does not answer after the knock either. What may be the reason:`,
    hints: [
      `The clock of this device says ${now}. It must be right to ${stepSeconds} seconds.`,
      `The network may block ports ${range}, as guest networks often do. Try another one.`,
      ...(network ? [NETWORK] : []),
      "The link may have been withdrawn, or belong to another device. On the server, “sallyport why” says what it heard.",
    ],
  }),
  clock: (ahead, now) => ({
    title: "Which clock is right?",
    text: `The last knock from here was ${ahead} ahead of this device’s clock, which says ${now}. Set the clock right. If it is right now and was wrong then, let this page forget that knock.`,
  }),
  offline: {
    title: "No network",
    text: "This device is offline. Nothing was sent, and no sequence was used.",
  },
  forgetful: {
    title: "Not sent",
    text: "The browser could not remember the knock, and none may be sent twice. Make room on this device, or leave the private window.",
  },
  duration,
};
