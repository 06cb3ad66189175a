/** The one link in pasted text, however a mail program or a shell changed it. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { pickLink } from "../../../src/rks/pick-link.ts";
import { newMaster, serverKey } from "../../../src/rks/key.ts";
import { formatProfileLink, parseProfileLink } from "../../../src/rks/profile-link.ts";

const LINK = formatProfileLink({
  user: "alice/laptop",
  host: "gate.example",
  door: "ssh",
  key: serverKey(newMaster(), "gate"),
  lo: 30_000,
  hi: 49_999,
  ports: 9,
  stepSeconds: 30,
  proto: "tcp",
  opens: [{ proto: "tcp", from: 22, to: 22 }],
});

describe("pickLink()", () => {
  test.each([
    ["alone", LINK],
    ["with blanks and empty lines", `\n\n  ${LINK}\t\n\n`],
    ["in double quotes", `"${LINK}"`],
    ["in single quotes, with a full line end", `'${LINK}'\r\n`],
    ["in angle brackets", `<${LINK}>`],
    ["in typographic quotes", `“${LINK}”`],
    ["between words", `Your link: ${LINK} and keep it secret`],
    ["under the heading of user show", `Door ssh:\n${LINK}\n\n█▀▀█ ▀▄\n`],
    ["wrapped", `${LINK.slice(0, 70)}\n${LINK.slice(70)}\n`],
    ["wrapped, in quotes", `"${LINK.slice(0, 70)}\r\n${LINK.slice(70)}"`],
    ["wrapped in a quoted mail", `> ${LINK.slice(0, 60)}\n> ${LINK.slice(60)}\n>\n> Bye`],
    ["wrapped where its first part is a link", LINK.replace("&lo=", "\n&lo=")],
  ])("takes a link %s", (_, text) => {
    expect(pickLink(text)).toBe(LINK);
  });

  test("puts a link together that was wrapped anywhere", () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 8, max: LINK.length - 1 }), { maxLength: 5 });
    fc.assert(
      fc.property(cuts, fc.constantFrom("\n", "\r\n", "\n> ", " \n  "), (at, wrap) => {
        let text = LINK;
        for (const cut of at.sort((a, b) => b - a)) {
          text = text.slice(0, cut) + wrap + text.slice(cut);
        }
        expect(parseProfileLink(pickLink(text))).toEqual(parseProfileLink(LINK));
      }),
    );
  });

  test("refuses two links, and quotes neither", () => {
    const two = () => pickLink(`${LINK}\n${LINK.replace("/ssh?", "/web?")}\n`);
    expect(two).toThrow(
      "Cannot read the profile link: there are 2 links: give it one at a time, each under a name of its own",
    );
  });

  test("returns the first line of what is no link, for the parser to refuse", () => {
    expect(pickLink("\nhello\nworld")).toBe("hello");
    expect(() => pickLink(" \n")).toThrow("standard input is empty");
  });
});
