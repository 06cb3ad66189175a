/** What the page says in German. */

import type { Texts } from "./texts.ts";

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} Sekunden`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} Minuten`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} Stunden`
    : `${Math.round(seconds / 86_400)} Tage`;
}

const NETWORK =
  "Der Browser hält Seiten vielleicht von Geräten im eigenen Netz fern. Erlaube es, wo er fragt, oder in seinen Einstellungen für diese Seite.";

export const GERMAN: Texts = {
  labels: {
    addTitle: "Tür hinzufügen",
    addHint:
      "Füge den Link ein, den du für dieses Gerät bekommen hast. Sein Schlüssel bleibt in diesem Browser, wo ihn niemand mehr lesen kann.",
    link: "Link",
    add: "Hinzufügen",
    scan: "QR-Code scannen",
    stopScan: "Kamera ausschalten",
    scanHint: "Halte den QR-Code vor die Kamera.",
    cancel: "Abbrechen",
    addAnother: "Weitere Tür hinzufügen",
    doors: "Türen",
    settings: "Zu dieser Tür",
    launch: "Dorthin gehen, sobald sie offen ist",
    remove: "Entfernen",
    keep: "Behalten",
    forget: "Letztes Klopfen vergessen",
    promise:
      "Diese Seite lädt nichts nach und spricht mit niemandem außer den Servern, die du hinzufügst.",
    language: "Sprache",
    history:
      "Der Link kam in der Adresse dieser Seite. Dort ist er nicht mehr, aber der Verlauf dieses Browsers merkt ihn sich vielleicht: Lösche den Eintrag.",
  },
  knock: "Klopfen",
  again: "Noch einmal",
  looking: "Moment\u00a0…",
  knocking: "Es klopft\u00a0…",
  waiting: (seconds) => `In ${seconds}\u00a0s`,
  slotLeft: (seconds) => `Neue Folge in ${seconds}\u00a0s`,
  waitReason: (skipped) =>
    skipped
      ? "In der jetzigen Folge ist ein Port, den Browser nie ansprechen. Geklopft wird mit der nächsten."
      : "Jede Folge öffnet nur einmal, und die von jetzt sind verbraucht. Geklopft wird mit der nächsten.",
  skipped:
    "In der jetzigen Folge ist ein Port, den Browser nie ansprechen: Stattdessen wurde die nächste genommen.",
  opens: (ports) => `Öffnet ${ports}`,
  added: (door, host) => `${door} auf ${host} ist hinzugefügt.`,
  removed: (door, host) => `${door} auf ${host} ist entfernt.`,
  removeQuestion: (door, host) =>
    `${door} auf ${host} entfernen? Der Schlüssel wird aus diesem Browser gelöscht. Für die Rückkehr brauchst du den Link noch einmal.`,
  go: (scheme, place) => (scheme === "ssh" ? `ssh zu ${place} öffnen` : `${place} öffnen`),
  refusals: {
    noLink: "In diesem Text ist kein Link. Ein Link beginnt mit rks1:// und nennt einen Server.",
    broken:
      "Dieser Link ist beschädigt, oder es sind zwei. Kopiere einen Link noch einmal, und zwar ganz.",
    udp: "Diese Tür hört auf UDP, und das können Browser nicht senden. Bitte um eine Tür, die auf TCP hört, oder nimm ein anderes Programm.",
    linkLocal:
      "Dieser Link nennt eine Adresse, die nur in einem einzigen Netz gilt (fe80::…) und die Browser nicht erreichen. Bitte um einen Link mit einer anderen Adresse.",
  },
  noKeys:
    "Diese Seite kam über einfaches http, und dort bewahren Browser keine Schlüssel auf. Öffne sie über https oder als Datei.",
  noStore:
    "Dieser Browser merkt sich für diese Seite nichts, etwa in einem privaten Fenster, oder weil eine andere App die Datei anzeigt. Öffne sie über https in einem Browserfenster.",
  noCamera:
    "Die Kamera lässt sich nicht benutzen. Erlaube sie dieser Seite, oder füge den Link ein.",
  open: (host, port, ms) => ({
    title: "Offen",
    text: `Port\u00a0${port} auf ${host} hat ${(ms / 1_000).toFixed(1).replace(".", ",")}\u00a0s nach dem Klopfen geantwortet.`,
  }),
  openBefore: (host, port) => ({
    title: "Offen",
    text: `Port\u00a0${port} auf ${host} antwortet, und hat es vor dem Klopfen schon getan. Ob dieses Klopfen anerkannt wurde, ist nicht zu sehen.`,
  }),
  changed: (port, network) => ({
    title: "Es antwortet jetzt",
    text: `Port\u00a0${port} schwieg vor dem Klopfen und tut es nicht mehr. Was antwortet, ist keine Webseite, also kann diese Seite nicht sehen, was es ist.`,
    ...(network && { hints: [NETWORK] }),
  }),
  unclear: (port, network) => ({
    title: "Geklopft",
    text: `Port\u00a0${port} weist diese Seite ab, wie vor dem Klopfen. Seiten können nur mit Webseiten sprechen: Ein anderer Dienst kann trotzdem offen sein. Versuch es.`,
    ...(network && { hints: [NETWORK] }),
  }),
  sent: (looks) => ({
    title: "Geklopft",
    text:
      looks === ""
        ? "Der Link nennt keinen Port, den diese Seite ansprechen könnte. Versuch es mit dem, was die Tür öffnet."
        : `Browser lassen keine Seite Port\u00a0${looks} ansprechen, also ist hier nicht zu sehen, ob die Tür offen ist. Versuch es jetzt.`,
  }),
  silent: (port, { now, stepSeconds, range, network }) => ({
    title: "Keine Antwort",
    text: `Port\u00a0${port} antwortet auch nach dem Klopfen nicht. Woran es liegen kann:`,
    hints: [
      `Die Uhr dieses Geräts sagt ${now}. Sie muss auf ${stepSeconds} Sekunden genau gehen.`,
      `Das Netz sperrt vielleicht die Ports ${range}, wie oft in Gastnetzen. Versuch ein anderes.`,
      ...(network ? [NETWORK] : []),
      "Der Link wurde vielleicht zurückgezogen oder gehört zu einem anderen Gerät. Auf dem Server sagt „sallyport why“, was er gehört hat.",
    ],
  }),
  clock: (ahead, now) => ({
    title: "Welche Uhr stimmt?",
    text: `Das letzte Klopfen von hier war der Uhr dieses Geräts, die ${now} sagt, ${ahead} voraus. Stell die Uhr richtig. Stimmt sie jetzt und war damals falsch, lass diese Seite das Klopfen vergessen.`,
  }),
  offline: {
    title: "Kein Netz",
    text: "Dieses Gerät ist offline. Es wurde nichts gesendet und keine Folge verbraucht.",
  },
  forgetful: {
    title: "Nicht geklopft",
    text: "Der Browser konnte sich das Klopfen nicht merken, und keines darf zweimal gesendet werden. Mach Platz auf diesem Gerät, oder verlass das private Fenster.",
  },
  duration,
};
