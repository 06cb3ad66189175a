/** The page that knocks, in a real Chromium, at the door of a real daemon. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chromium, type Page } from "../support/chromium.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { inside } from "../support/inside.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";

const DOORS = `
[guard]
deny = "drop"

[door.web]
opens = ["8080/tcp"]
users = ["*"]
open_for = "20s"

[door.ssh]
opens = ["22/tcp"]
users = ["*"]

[door.slow]
opens = ["8080/tcp"]
users = ["*"]
step = "5m"

[door.dark]
opens = ["8081/tcp"]
users = ["*"]

[door.safe]
opens = ["8443/tcp"]
users = ["*"]
open_for = "20s"
`;

/** What the reader sees of the outcome. */
const TITLE = `document.getElementById("outcome-title").textContent`;

const dir = mkdtempSync(join(tmpdir(), "sallyport-page-"));
const file = join(dir, "knock.html");
const services: { stop(force: boolean): unknown }[] = [];
let lab: Lab;
let server: GuardedServer;
let chromium: Chromium;
let users = 0;

/** A link of a new user: no slot that a test used is in the way of another one. */
function newLink(door: string): string {
  const user = `u${++users}`;
  server.command("user", "add", user, "--host", "10.77.0.1");
  return server.link(user, door);
}

function serve(host: "server" | "stranger", port: number, body: string, tls = false): void {
  const certificate = {
    key: readFileSync(join(dir, "key.pem")),
    cert: readFileSync(join(dir, "cert.pem")),
  };
  const options = {
    hostname: lab.address4[host],
    port,
    fetch: () => new Response(body, { headers: { "content-type": "text/html" } }),
    ...(tls && { tls: certificate }),
  };
  services.push(inside(lab.namespace(host), () => Bun.serve(options)));
}

/** Where the page has asked something of the network, without itself. */
function asked(page: Page): string[] {
  return page.events
    .filter(({ method }) => method === "Network.requestWillBeSent")
    .map(({ params }) => (params["request"] as { readonly url: string }).url)
    .filter((url) => !/^(file|data):|knock\.html$/.test(url));
}

/** Errors of the page, and what its policy forbade. Refused connections are its daily work. */
function faults(page: Page): unknown[] {
  return page.events
    .filter(({ method }) => ["Log.entryAdded", "Runtime.exceptionThrown"].includes(method))
    .filter(({ params }) => (params["entry"] as { source?: string })?.source !== "network")
    .map(({ params }) => params);
}

/** Presses the button, and returns the title of the outcome. A knock may be over between two looks. */
async function knock(page: Page): Promise<string> {
  await page.evaluate(`{
    window.outcome = undefined;
    const button = document.getElementById("knock");
    new MutationObserver((changes, observer) => {
      const began = changes.some(({ oldValue }) => oldValue === "true");
      if (!began || button.ariaDisabled === "true") return;
      observer.disconnect();
      window.outcome = ${TITLE};
    }).observe(button, { attributeFilter: ["aria-disabled"], attributeOldValue: true });
  }`);
  await page.click("#knock");
  return await page.until<string>("window.outcome");
}

beforeAll(async () => {
  lab = new Lab();
  writeFileSync(file, run([EXECUTABLE, "page"]).out);
  run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-days", "2", "-subj", "/CN=10.77.0.3"],
    ...["-keyout", join(dir, "key.pem"), "-out", join(dir, "cert.pem")],
  ]);
  const page = readFileSync(file, "utf8");
  serve("server", 8080, "<title>behind the door</title>");
  serve("server", 8443, "<title>behind the safe door</title>", true);
  serve("stranger", 80, page);
  serve("stranger", 443, page, true);
  server = await new GuardedServer(lab, DOORS).start();
  chromium = await Chromium.start(lab, "client", ["--ignore-certificate-errors"]);
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  for (const service of services) await service.stop(true);
  await server?.[Symbol.asyncDispose]();
  lab?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** An open tab with one door, which stays when the door is open. */
async function openPage(address: string, link: string): Promise<Page> {
  const page = await chromium.open({ width: 360, height: 740 });
  await page.goto(`${address}#${link}`);
  await page.until(`document.activeElement.id === "knock"`);
  await page.evaluate(`document.getElementById("launch").click()`);
  return page;
}

/** Of one of the rotating knocks that left: the ports. */
function knocked(page: Page): number[] {
  const ports = asked(page).map((url) => Number(new URL(url).port));
  return ports.filter((port) => port >= 20_000);
}

describe("the page that knocks", () => {
  test("opens a door from a file, and goes to the service behind it", async () => {
    const page = await chromium.open({ width: 360, height: 740 });
    await page.goto(`file://${file}#${newLink("web")}`);
    await page.until(`document.activeElement.id === "knock"`);
    const loaded = page.event("Page.loadEventFired");
    expect(await knock(page)).toBe("Open");
    await server.waitForLog(/Opened web .* to 10\.77\.0\.2/);
    await loaded;
    expect(await page.evaluate("document.title")).toBe("behind the door");
    expect(faults(page)).toEqual([]);
  });

  test("opens a door from a host of its own, and asks nobody but the door", async () => {
    const page = await openPage("https://10.77.0.3/knock.html", newLink("safe"));
    expect(await knock(page)).toBe("Open");
    expect(await page.evaluate(`document.getElementById("go").href`)).toBe(
      "https://10.77.0.1:8443/",
    );
    expect(new Set(asked(page).map((url) => new URL(url).hostname))).toEqual(
      new Set(["10.77.0.1"]),
    );
    expect(new Set(knocked(page)).size).toBe(8);
    // What a home screen would show, and start.
    const manifest = await page.send<{ data: string; errors: unknown[] }>("Page.getAppManifest");
    expect(manifest.errors).toEqual([]);
    expect(JSON.parse(manifest.data)).toMatchObject({
      name: "sallyport",
      start_url: "https://10.77.0.3/knock.html",
    });
    expect(faults(page)).toEqual([]);
  });

  test("opens the door of ssh, although no page may look at port 22", async () => {
    const page = await openPage(`file://${file}`, newLink("ssh"));
    expect(await knock(page)).toBe("Sent");
    expect(await page.evaluate(`document.getElementById("go").href`)).toBe("ssh://10.77.0.1/");
    await server.waitForLog(/Opened ssh .* to 10\.77\.0\.2/);
  });

  test("takes the link out of the address, and keeps a key that no script can read", async () => {
    const link = newLink("web");
    const key = /key=(\w+)/.exec(link)![1]!;
    const page = await openPage(`file://${file}`, link);
    expect(await page.evaluate("location.href")).toBe(`file://${file}`);
    expect(await page.evaluate("document.documentElement.outerHTML")).not.toContain(key);
    const kept = await page.evaluate<string>(`new Promise((resolve) => {
      indexedDB.open("sallyport").onsuccess = ({ target: { result: database } }) => {
        database.transaction("doors").objectStore("doors").getAll().onsuccess = async (event) => {
          const keys = event.target.result.map(({ key }) => key);
          const formats = ["raw", "jwk"];
          const tries = keys.flatMap((key) => formats.map((format) => crypto.subtle.exportKey(format, key)));
          const read = (await Promise.allSettled(tries)).filter(({ status }) => status === "fulfilled");
          resolve(JSON.stringify([event.target.result, { ...localStorage }, read]));
        };
      };
    })`);
    expect(kept).toContain("10.77.0.1");
    expect(kept).not.toContain(key);
    expect(JSON.parse(kept)[2]).toEqual([]);
  });

  test("never sends a sequence twice: with two used it waits for the next", async () => {
    const page = await openPage(`file://${file}`, newLink("slow"));
    // Not at the end of a slot, where the one ahead becomes the present one.
    await page.until("Date.now() % 300_000 < 290_000");
    await knock(page);
    await knock(page);
    await page.click("#knock");
    const said = await page.until<string>(
      `document.getElementById("outcome-title").hidden && document.getElementById("outcome-text").textContent`,
    );
    expect(said).toStartWith("Each sequence opens once");
    const ports = knocked(page);
    expect(ports).toHaveLength(16);
    const [first, second] = [new Set(ports.slice(0, 8)), new Set(ports.slice(8))];
    expect(first.size).toBe(8);
    expect(first.intersection(second).size).toBeLessThan(3); // two sequences may share a port
  });

  test("says in the reader's language why a port may be silent", async () => {
    const page = await chromium.open({ languages: "de-AT,en" });
    const link = newLink("dark").replace(
      /key=(.)/,
      (_, first) => `key=${first === "A" ? "B" : "A"}`,
    );
    await page.goto(`file://${file}#${link}`);
    await page.until(`document.activeElement.id === "knock"`);
    expect(await knock(page)).toBe("Keine Antwort");
    expect(await page.evaluate("document.documentElement.lang")).toBe("de");
    const hints = await page.evaluate<string>(`document.getElementById("hints").innerText`);
    expect(hints).toContain("Die Uhr dieses Geräts sagt");
    expect(hints).toContain("20000\u2060–\u206052767");
    expect(faults(page)).toEqual([]);
  });

  test("keeps several doors, and removes one with its key", async () => {
    const page = await openPage("https://10.77.0.3/knock.html", newLink("safe"));
    const count = "document.querySelectorAll('#choice input').length";
    const before = await page.evaluate<number>(count);
    await page.evaluate(`location.hash = ${JSON.stringify(`#${newLink("web")}`)}`);
    await page.until(`${count} === ${before} + 1`);
    await page.evaluate(`document.getElementById("about").open = true`);
    await page.click("#remove");
    await page.click("#sure [value=remove]");
    await page.until(`${count} === ${before}`);
    expect(await page.evaluate(`document.getElementById("said").textContent`)).toBe(
      "Removed web on 10.77.0.1.",
    );
    await page.evaluate(`document.getElementById("about").open = true`);
    await page.click("#remove");
    for (const type of ["keyDown", "keyUp"]) {
      await page.send("Input.dispatchKeyEvent", { type, key: "Escape", windowsVirtualKeyCode: 27 });
    }
    await page.until("!document.getElementById('sure').open");
    expect(await page.evaluate<number>(count)).toBe(before);
  });

  test("says what it cannot do: over plain http, with a door that hears UDP, with other text", async () => {
    const plain = await chromium.open();
    await plain.goto("http://10.77.0.3/knock.html");
    const problem = `document.getElementById("problem").textContent`;
    expect(await plain.until<string>(problem)).toStartWith("This page came over plain http");

    await plain.click("#de");
    await plain.until(`${problem}.startsWith("Diese Seite kam über einfaches http")`);

    const page = await chromium.open();
    await page.goto(`file://${file}#${newLink("web")}&proto=udp`);
    const refusal = `document.getElementById("refusal").textContent`;
    expect(await page.until<string>(refusal)).toStartWith("This door listens for UDP");
    await page.evaluate(`document.getElementById("link").value = "hello"`);
    await page.click("#form [type=submit]");
    expect(await page.until<string>(`${refusal}.startsWith("There") && ${refusal}`)).toContain(
      "There is no link in this text",
    );
  });
});
