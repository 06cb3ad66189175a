/**
 * The configuration in force. A reload replaces it: parts that outlive a reload ask here each time.
 */

import type { Settings } from "../config/settings.ts";
import type { Plan } from "../data-plane/plan.ts";
import type { Configuration } from "./configuration.ts";

export class CurrentConfiguration {
  #configuration: Configuration;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  get settings(): Settings {
    return this.#configuration.settings;
  }

  get plan(): Plan {
    return this.#configuration.plan;
  }

  replace(next: Configuration): void {
    this.#configuration = next;
  }
}
