/** The data plane's end of the line to the control plane: sends events, and replies to requests. */

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { DaemonEvent } from "../core/events.ts";
import { EventFd } from "../native/event-fd.ts";
import { toFailure } from "./failure.ts";
import type {
  Asked,
  DataPlaneStart,
  Handlers,
  Reply,
  Request,
  RequestName,
  Told,
} from "./messages.ts";

type Part = "capture" | "drops";

export class ControlPlaneLink {
  /** Readable when a request waits, for poll(2). */
  readonly fd: number;
  readonly #port: MessagePort;
  readonly #wake: EventFd;
  readonly #clock: Clock;
  readonly #counters: Counters;

  constructor({ port, wakeFd }: DataPlaneStart, clock: Clock, counters: Counters) {
    this.#port = port;
    this.#wake = EventFd.of(wakeFd);
    this.fd = wakeFd;
    this.#clock = clock;
    this.#counters = counters;
  }

  tell(told: Told): void {
    this.#port.postMessage(told);
  }

  emit(event: DaemonEvent): void {
    this.#counters.add("eventsTold");
    this.tell({ type: "event", event });
  }

  fault(part: Part, message: string): void {
    this.emit({ type: "fault", atMs: this.#clock.wallMs(), part, message });
  }

  recovered(part: Part, message: string): void {
    this.emit({ type: "recovered", atMs: this.#clock.wallMs(), part, message });
  }

  /** Replies to every waiting request; an error that a handler throws is the refusal. */
  serve(handlers: Handlers): void {
    this.#wake.clear();
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      const { id, request }: Asked = received.message;
      try {
        this.tell({ type: "answer", id, value: replyTo(request, handlers) });
      } catch (error) {
        this.tell({ type: "refusal", id, failure: toFailure(error) });
      }
    }
  }
}

function replyTo<Name extends RequestName>(
  request: Request<Name>,
  handlers: Handlers,
): Reply<Name> {
  return handlers[request.type](request);
}

/** Sends the reason why this thread ends, so that the other one can print the sentence. */
export function tellFailure(port: MessagePort, error: unknown): void {
  port.postMessage({ type: "failed", failure: toFailure(error) } satisfies Told);
}
