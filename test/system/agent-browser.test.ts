/** A real browser behind `sallyport agent` opens a guarded web page without knowing that there was a knock. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { AgentLab, PROXY } from "../support/agent-lab.ts";
import { Chromium } from "../support/chromium.ts";
import type { Page } from "../support/chromium.ts";
import { PICTURES } from "../support/web-site.ts";

setDefaultTimeout(90_000);

let lab: AgentLab;
beforeAll(async () => {
  lab = await new AgentLab().start();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

/** The title, and how many pictures were loaded. */
async function visit(page: Page, url: string): Promise<unknown> {
  await page.goto(url);
  return page.evaluate(
    "[document.title, [...document.images].filter((one) => one.naturalWidth === 9).length]",
  );
}

const WHOLE = ["behind the door", PICTURES];

test("Chromium with /proxy.pac loads pages and all their pictures, after one knock, and no page reads whom the agent serves", async () => {
  await using agent = await lab.agent();
  await using chromium = await Chromium.start(lab.proxy.lab, "client", [
    `--proxy-pac-url=http://${PROXY}/proxy.pac`,
    "--ignore-certificate-errors",
  ]);
  const page = await chromium.open();
  expect(await visit(page, "http://gate.example/")).toEqual(WHOLE);
  expect(await visit(page, "https://gate.example/")).toEqual(WHOLE);
  expect([agent.client.slots().length, lab.proxy.openings]).toEqual([1, 1]);
  await page.goto("http://gate.example/");
  const heard = await page.evaluate(`(async () => {
    const address = "http://${PROXY}/proxy.pac";
    const fetched = await fetch(address).then((answer) => answer.text(), () => "no answer");
    const script = document.createElement("script");
    script.src = address;
    const ran = new Promise((resolve) => {
      script.onload = () => resolve(typeof FindProxyForURL);
      script.onerror = () => resolve("no script");
    });
    document.head.append(script);
    return [fetched, await ran];
  })()`);
  expect(heard).toEqual(["no answer", "no script"]);
});
