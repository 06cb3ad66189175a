/** A real Chromium without a window, on a host of a lab, with a profile that is thrown away. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DevTools, type DevToolsEvent } from "./devtools.ts";
import type { Host, Lab } from "./lab.ts";
import { spawn } from "./programs.ts";

/** An event that has not come by then, or a condition that does not hold, is a failure. */
const PATIENCE_MS = 15_000;

const FLAGS = [
  "--headless=new",
  "--no-sandbox", // tests are root, and the profile goes with the test
  "--remote-debugging-pipe",
  "--no-first-run",
  "--disable-background-networking", // what is heard on the wire is what the page asked for
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--hide-scrollbars",
  "--force-color-profile=srgb",
];

export interface ViewOptions {
  /** In CSS pixels; default 1280 × 800. */
  readonly width?: number;
  readonly height?: number;
  /** What `prefers-color-scheme` says; default light. */
  readonly scheme?: "light" | "dark";
  /** What `navigator.languages` says, "de-DE,de"; default "en-US,en". */
  readonly languages?: string;
}

interface Evaluated {
  readonly result: { readonly value: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description: string };
  };
}

/** One tab. */
export class Page {
  /** Everything it reported since it was opened: console, network, log, exceptions. */
  readonly events: DevToolsEvent[] = [];
  readonly #devTools: DevTools;
  readonly #session: string;

  constructor(devTools: DevTools, session: string) {
    this.#devTools = devTools;
    this.#session = session;
    devTools.listen((event) => {
      if (event.sessionId === session) this.events.push(event);
    });
  }

  /** Calls a method of the DevTools protocol for this tab. */
  send<T = unknown>(method: string, params: object = {}): Promise<T> {
    return this.#devTools.send<T>(method, params, this.#session);
  }

  /** Loads an address, and waits for its `load` event. Throws where it cannot be loaded. */
  async goto(url: string): Promise<void> {
    const loaded = this.event("Page.loadEventFired");
    loaded.catch(() => {}); // of a page that could not be loaded
    const { errorText } = await this.send<{ errorText?: string }>("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** The next event of a method for which `accept` returns true. Call it before what causes the event. */
  event(
    method: string,
    accept: (params: DevToolsEvent["params"]) => boolean = () => true,
  ): Promise<DevToolsEvent["params"]> {
    const { promise, resolve, reject } = Promise.withResolvers<DevToolsEvent["params"]>();
    const stop = this.#devTools.listen((event) => {
      const mine = event.sessionId === this.#session && event.method === method;
      if (mine && accept(event.params)) resolve(event.params);
    });
    const timer = setTimeout(
      () => reject(new Error(`No event ${method} within ${PATIENCE_MS} ms`)),
      PATIENCE_MS,
    );
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  /**
   * The value of an expression in the page, a promise awaited. `asUser`: as if a person had just
   * clicked, which some functions of browsers want.
   */
  async evaluate<T = unknown>(expression: string, { asUser = false } = {}): Promise<T> {
    const { result, exceptionDetails } = await this.send<Evaluated>("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: asUser,
    });
    if (exceptionDetails === undefined) return result.value as T;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Waits until an expression in the page is truthy, and returns its value. */
  async until<T = unknown>(expression: string, patienceMs = PATIENCE_MS): Promise<T> {
    const watch = `new Promise((resolve, reject) => {
      const end = performance.now() + ${patienceMs};
      const look = () => {
        const value = (${expression});
        if (value) resolve(value);
        else if (performance.now() > end) reject(new Error(document.body.innerText));
        else setTimeout(look, 10);
      };
      look();
    })`;
    try {
      return await this.evaluate<T>(watch);
    } catch (cause) {
      throw new Error(`Not within ${patienceMs} ms: ${expression}: ${String(cause)}`, { cause });
    }
  }

  /** Clicks in the middle of an element, as a mouse does. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.until<{ x: number; y: number }>(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element?.scrollIntoView({ block: "nearest" });
      const box = element?.getBoundingClientRect();
      return box?.width && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      const button = { button: "left", clickCount: 1 };
      await this.send("Input.dispatchMouseEvent", { type, x, y, ...button });
    }
  }

  /** Writes a picture (PNG) of what is in view, or of the whole page. */
  async screenshot(path: string, { whole = false } = {}): Promise<void> {
    const { data } = await this.send<{ data: string }>("Page.captureScreenshot", {
      captureBeyondViewport: whole,
    });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}

export class Chromium implements AsyncDisposable {
  readonly #child: ReturnType<typeof start>;
  readonly #dir: string;
  readonly #devTools: DevTools;
  /** What it wrote on standard error; ends when all its processes have. */
  readonly #errors: Promise<string>;

  private constructor(lab: Lab, host: Host, options: readonly string[]) {
    this.#dir = mkdtempSync(join(tmpdir(), "sallyport-chromium-"));
    this.#child = start(lab.namespace(host), this.#dir, options);
    this.#errors = new Response(this.#child.stderr).text();
    const [, , , to, from] = this.#child.stdio as unknown as number[];
    this.#devTools = new DevTools({ to: to!, from: from! });
  }

  /** Starts it on a host of a lab; `options` are more words of its command line, "--proxy-server=…". */
  static async start(lab: Lab, host: Host, options: readonly string[] = []): Promise<Chromium> {
    const chromium = new Chromium(lab, host, options);
    try {
      await chromium.#devTools.send("Browser.getVersion");
      return chromium;
    } catch (cause) {
      await chromium[Symbol.asyncDispose]();
      throw new Error(`Chromium did not start: ${await chromium.#errors}`, { cause });
    }
  }

  /** Opens an empty tab. */
  async open(view: ViewOptions = {}): Promise<Page> {
    const { width = 1280, height = 800, scheme = "light", languages = "en-US,en" } = view;
    const tab = await this.#devTools.send<object>("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#devTools.send<{ sessionId: string }>(
      "Target.attachToTarget",
      { ...tab, flatten: true },
    );
    const page = new Page(this.#devTools, sessionId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 2, mobile: false },
    });
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await page.send("Emulation.setEmulatedMedia", { features });
    const userAgent = await page.evaluate<string>("navigator.userAgent");
    await page.send("Emulation.setUserAgentOverride", { userAgent, acceptLanguage: languages });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#errors;
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * In a namespace of process ids: the kernel ends all that Chromium started with its first process,
 * and that with the one that a test can kill.
 */
function start(namespace: string, dir: string, options: readonly string[]) {
  return spawn(
    [
      ...["ip", "netns", "exec", namespace],
      ...["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
      ...["chromium", ...FLAGS, `--user-data-dir=${dir}`, ...options, "about:blank"],
    ],
    {
      env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir, XDG_CACHE_HOME: dir, TZ: "UTC" },
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    },
  );
}
