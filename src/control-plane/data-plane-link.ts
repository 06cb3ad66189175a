/**
 * The control plane's end of the line to the data plane: starts the thread, sends requests,
 * receives events.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { Counters } from "../core/counters.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import { EventFd } from "../native/event-fd.ts";
import { preferThread } from "../native/thread-priority.ts";
import { fromFailure } from "../data-plane/failure.ts";
import type {
  Asked,
  DataPlaneStart,
  Reply,
  Request,
  RequestName,
  Told,
} from "../data-plane/messages.ts";
import { packPlan, type Plan } from "../data-plane/plan.ts";

export interface DataPlaneListener {
  event(event: DaemonEvent): void;
  /** The start of the data plane is over; called once. */
  warm(): void;
  /** Knocks came since the last call; at most twice a second. */
  heard(): void;
  /** Somebody set the wall clock. */
  clockSet(): void;
  /** Another program changed our table in the kernel. */
  touched(): void;
  /** Another program changed another table in the kernel. */
  others(): void;
  /** The thread ended without a request. */
  died(error: SallyportError): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: SallyportError): void;
}

export class DataPlaneLink {
  readonly counters: Counters;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wake = EventFd.open();
  readonly #waiting = new Map<number, Waiting>();
  readonly #listener: DataPlaneListener;
  readonly #attached = Promise.withResolvers<readonly string[]>();
  #asked = 0;
  #thread = 0;
  #failure: SallyportError | undefined;
  #stopping = false;

  /** Starts the thread; await `attached` before the first request. */
  constructor(plan: Plan, mayStandIn: boolean, counters: Counters, listener: DataPlaneListener) {
    this.counters = counters;
    this.#listener = listener;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on("message", (told: Told) => this.#hear(told));
    const start: DataPlaneStart = {
      plan: packPlan(plan),
      mayStandIn,
      counters: counters.memory,
      wakeFd: this.#wake.fd,
      port: port2,
    };
    this.#worker = new Worker(workerUrl(), {
      workerData: start,
      transferList: [port2],
    });
    this.#worker.on("error", (error) => this.#end(new SallyportError(messageOf(error))));
    this.#worker.on("exit", () =>
      this.#end(new SallyportError("The data plane ended without a word")),
    );
    this.#attached.promise.catch(() => undefined); // a rejection without a listener yet is no crash
  }

  /** The interfaces it listens on; rejects when there is none. */
  get attached(): Promise<readonly string[]> {
    return this.#attached.promise;
  }

  ask<Name extends RequestName>(request: Extract<Request, { type: Name }>): Promise<Reply<Name>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<Reply<Name>>();
    const id = ++this.#asked;
    this.#waiting.set(id, { resolve, reject });
    this.#port.postMessage({ id, request } satisfies Asked);
    this.#wake.signal();
    return promise;
  }

  /**
   * Makes the thread stop listening; it has sent all earlier events when this resolves. Grants and
   * guard stay in the kernel. The thread ends a little later, or with the process.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    // The end of the thread is a reply too, even when it fails at this very moment.
    await this.ask({ type: "stop" }).catch(() => undefined);
  }

  /**
   * A knock must not queue behind a compiler. The engine ends its compilers after ten idle seconds; the next
   * ones are made by the thread that has something to compile, with its priority: in the middle of a knock, mostly.
   */
  #standBehind(): void {
    preferThread(this.#thread);
  }

  #hear(told: Told): void {
    switch (told.type) {
      case "attached":
        this.#attached.resolve(told.interfaces);
        this.#thread = told.thread;
        return;
      case "event":
        this.#listener.event(told.event);
        return;
      case "warm":
        this.#standBehind();
        this.#listener.warm();
        return;
      case "heard":
        this.#standBehind();
        this.#listener.heard();
        return;
      case "clock":
        this.#listener.clockSet();
        return;
      case "touched":
        this.#listener.touched();
        return;
      case "others":
        this.#listener.others();
        return;
      case "failed":
        this.#end(fromFailure(told.failure));
        return;
      case "answer":
        this.#take(told.id)?.resolve(told.value);
        return;
      case "refusal":
        this.#take(told.id)?.reject(fromFailure(told.failure));
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #end(error: SallyportError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#port.close();
    this.#attached.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (!this.#stopping) this.#listener.died(error);
  }
}

/**
 * In the executable every module has the URL of the whole file; entry points keep their path below
 * src/ beside it. A URL is found there, a plain path is not.
 */
function workerUrl(): URL {
  const compiled = import.meta.url.includes("/$bunfs/");
  return new URL(`${compiled ? "." : ".."}/data-plane/data-plane.worker.ts`, import.meta.url);
}
